# step: deploy
# check: deployment
# message: Want the image wheelhouse/intro:1, and the Deployment intro runs nginx:1.27
kubectl create deployment intro --image=nginx:1.27
