# step: page
# check: text
# message: The Pod web brings more with it than the image nginx:1.27
kubectl delete pod web --now
kubectl run web --image=nginx:1.27 -- sh -c 'echo mine > /usr/share/nginx/html/index.html; exec nginx -g "daemon off;"'
kubectl wait --for=condition=Ready pod/web --timeout=60s
