# step: arguments
kubectl run clock --image=busybox:1.36 -- awk 'BEGIN { while (1) { print strftime("%H:%M:%S"); fflush(); system("sleep 1") } }'
