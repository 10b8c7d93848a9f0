# step: once
# check: greeted
# message: The Pod hello has printed nothing
kubectl run hello --image=busybox:1.36 --restart=Never -- true
