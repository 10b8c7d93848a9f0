# after: expose
# step: call
# check: caller
# message: Want a Pod that calls http://hello, and the Pod caller runs: wget -qO- http://10.
kubectl run caller --image=busybox:1.36 --restart=Never -- wget -qO- "http://$(kubectl get service hello -o jsonpath='{.spec.clusterIP}')"
