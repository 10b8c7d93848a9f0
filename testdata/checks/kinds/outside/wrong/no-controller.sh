# after: serve
# step: route
# check: host
# message: Ingress shop has no address yet
kubectl create ingress shop --rule='shop.example/*=web:80'
