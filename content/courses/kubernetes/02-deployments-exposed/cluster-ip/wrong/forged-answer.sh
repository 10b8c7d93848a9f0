# after: expose
# step: call
# check: answer
# message: The Pod caller prints words that stand in its own command
kubectl run caller --image=busybox:1.36 --restart=Never -- echo "http://hello says: intro version 1 on $(kubectl get pods --selector app=hello -o jsonpath='{.items[0].metadata.name}')"
