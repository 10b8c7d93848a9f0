# after: create
# step: mark
# check: marked
# message: The label batch stands in the template of the Deployment web
kubectl patch deployment web --patch '{"spec": {"template": {"metadata": {"labels": {"batch": "first"}}}}}'
kubectl rollout status deployment/web
