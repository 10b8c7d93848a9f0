# after: expose
# step: call
# check: answer
# message: The Pod caller has not printed an answer
kubectl run caller --image=busybox:1.36 --restart=Never -- echo http://hello
