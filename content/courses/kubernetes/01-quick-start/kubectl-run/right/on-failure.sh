# step: once
kubectl run hello --image=busybox:1.36 --restart=OnFailure -- echo hi
