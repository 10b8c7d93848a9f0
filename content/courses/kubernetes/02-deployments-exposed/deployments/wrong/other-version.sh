# after: scale
# step: update
# check: image
# message: Want the image nginx:1.28, and the Deployment web asks for nginx:1.82
kubectl set image deployment/web nginx=nginx:1.82
