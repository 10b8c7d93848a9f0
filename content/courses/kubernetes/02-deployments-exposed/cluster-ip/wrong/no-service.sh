# step: call
# check: caller
# message: The call of the Pod caller ended with an error
kubectl run caller --image=busybox:1.36 --restart=Never -- wget -qO- http://hello
