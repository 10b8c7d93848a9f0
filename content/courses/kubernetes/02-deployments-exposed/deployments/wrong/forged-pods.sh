# after: create
# step: mark
# check: marked
# message: The Deployment web has no Pods yet
kubectl scale deployment web --replicas=0
kubectl run web-1 --image=nginx:1.27 --labels=app=web,batch=first
kubectl run web-2 --image=nginx:1.27 --labels=app=web,batch=first
