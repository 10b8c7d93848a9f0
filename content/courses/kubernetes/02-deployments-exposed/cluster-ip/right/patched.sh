# after: expose
# step: follow
kubectl patch deployment hello --patch '{"spec": {"replicas": 5}}'
