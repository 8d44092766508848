# A Dockerfile on top of the image of image.yaml; see docs/commands/build.md.
FROM scratch AS files
COPY demo@bivy.example.rsa.pub /keys/

FROM hello-base
COPY --from=files /keys /usr/share/keys
COPY <<EOF /etc/motd
made with bivy
EOF
LABEL org.opencontainers.image.title=hello
