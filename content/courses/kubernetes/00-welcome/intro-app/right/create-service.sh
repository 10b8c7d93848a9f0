# after: deploy
# step: expose
kubectl create service clusterip intro --tcp=80:8080
