# step: page
# check: text
# message: The Pod web still shows the page that came with the image
kubectl wait --for=condition=Ready pod/web pod/pair --timeout=60s
kubectl exec web -- echo "Hello" > index.html
