# after: serve
# step: update
# check: gently
# message: only 0 of {{variables.replicas}} pods were available. Go back to where it began and do it again.
kubectl patch deployment web --type=json --patch='[{"op": "replace", "path": "/spec/strategy", "value": {"type": "Recreate"}}]'
kubectl scale deployment web --replicas={{variables.replicas}}
kubectl rollout status deployment/web
kubectl set image deployment/web nginx=nginx:1.28
kubectl rollout status deployment/web
