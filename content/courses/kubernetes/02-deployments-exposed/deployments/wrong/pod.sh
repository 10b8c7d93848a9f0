# step: create
# check: deployment
# message: There is no Deployment named web in namespace default
kubectl run web --image=nginx:1.27
