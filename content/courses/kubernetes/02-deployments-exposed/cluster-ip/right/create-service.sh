# step: expose
kubectl create service clusterip hello --tcp=80:8080
