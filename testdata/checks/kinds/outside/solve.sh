# step: serve
kubectl create deployment web --image=nginx:1.27
kubectl expose deployment web --port=80 --type=LoadBalancer
kubectl rollout status deployment/web
# step: route
# What an ingress controller does, by hand: a proxy that tells the host that it
# was asked for, and the status that says where it is.
kubectl create configmap proxy --from-literal=default.conf='server { listen 80; location / { add_header X-Host $host; return 200 "here"; } }'
kubectl create deployment proxy --image=nginx:1.27 --dry-run=client -o json | jq '.spec.template.spec |= (.volumes = [{name: "conf", configMap: {name: "proxy"}}] | .containers[0].volumeMounts = [{name: "conf", mountPath: "/etc/nginx/conf.d"}])' | kubectl apply -f -
kubectl expose deployment proxy --port=80 --type=LoadBalancer
kubectl rollout status deployment/proxy
kubectl wait service/proxy --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=60s
kubectl create ingress shop --rule='shop.example/*=web:80'
kubectl patch ingress shop --subresource=status --type=merge -p '{"status":{"loadBalancer":{"ingress":[{"ip":"'$(kubectl get service proxy -o jsonpath='{.status.loadBalancer.ingress[0].ip}')'"}]}}}'
