# after: expose
# step: open
kubectl run visitor --image=busybox:1.36 --restart=Never -- wget -qO- http://intro
