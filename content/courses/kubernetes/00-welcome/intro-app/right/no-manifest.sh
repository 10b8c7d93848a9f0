# step: deploy
kubectl create deployment intro --image=docker.io/wheelhouse/intro:1
kubectl set env deployment/intro WHO="Zoë O'Neil"
