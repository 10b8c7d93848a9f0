# step: server
# check: pod
# message: There is no Pod named web in namespace default
kubectl create deployment web --image=nginx:1.27
