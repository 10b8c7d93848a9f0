# after: settings
# step: deployment
# check: reads
# message: The Deployment web does not read the ConfigMap settings
kubectl create deployment web --image=nginx:1.27
