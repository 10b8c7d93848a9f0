# step: shell
# check: file
# message: there is no file /tmp/where in the Pod web
kubectl exec web -- hostname > where
