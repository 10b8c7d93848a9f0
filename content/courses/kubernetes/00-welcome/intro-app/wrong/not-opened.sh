# after: expose
# step: open
# check: visited
# message: Nobody has opened the page since its Pod started
kubectl get service intro
