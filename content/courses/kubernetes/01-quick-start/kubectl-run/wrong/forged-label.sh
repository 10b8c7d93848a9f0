# step: manifest
# check: answers
# message: No web server answers in the Pod api
kubectl run api --image=nginx:1.28 --labels=tier=front --command -- sleep 3600
