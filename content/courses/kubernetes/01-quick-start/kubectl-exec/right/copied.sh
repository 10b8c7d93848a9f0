# step: page
kubectl wait --for=condition=Ready pod/web --timeout=60s
echo '<h1>Mine</h1>' > index.html
kubectl cp index.html web:/usr/share/nginx/html/index.html
