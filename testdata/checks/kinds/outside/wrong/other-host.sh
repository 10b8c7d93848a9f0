# after: serve
# step: route
# check: host
# message: It was asked for the host that nothing tells
kubectl create ingress shop --rule='shop.example/*=web:80'
kubectl patch ingress shop --subresource=status --type=merge -p '{"status":{"loadBalancer":{"ingress":[{"ip":"'$(kubectl get service web -o jsonpath='{.status.loadBalancer.ingress[0].ip}')'"}]}}}'
