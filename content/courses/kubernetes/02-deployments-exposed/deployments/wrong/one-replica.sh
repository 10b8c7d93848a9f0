# step: create
# check: deployment
# message: Want 2 replicas, and the Deployment web asks for 1
kubectl create deployment web --image=nginx:1.27
