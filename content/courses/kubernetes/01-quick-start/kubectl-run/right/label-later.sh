# step: manifest
kubectl run api --image=nginx:1.28
kubectl label pod api tier=front
