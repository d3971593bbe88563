namespace NativeKubelet.Cli.Install;

/// <summary>What <c>install</c> writes, as text. Each begins with a line that says so: files without it are somebody else's.</summary>
public static class ServiceFiles
{
    public const string Marker = "# Made by 'nativekubelet install'";

    /// <summary>As kubeadm's packages have it; what this program needs beyond that is a drop-in of its own, so that it also fits over their unit.</summary>
    public const string Unit = $"""
        {Marker}, which replaces it. Put changes into a file of your own in /etc/systemd/system/kubelet.service.d.
        [Unit]
        Description=kubelet: The Kubernetes Node Agent
        Documentation=https://kubernetes.io/docs/
        Wants=network-online.target
        After=network-online.target
        StartLimitIntervalSec=0

        [Service]
        ExecStart=/usr/bin/nativekubelet
        Restart=always
        RestartSec=10

        [Install]
        WantedBy=multi-user.target
        Alias=nativekubelet.service

        """;

    /// <summary>
    /// Pods outlive the agent (KillMode=process), and their groups are made by it (Delegate=yes). What is inherited by runc and
    /// with it by every container must not be narrowed here, nor may the agent get mounts of its own: it makes the pods'.
    /// </summary>
    public const string Settings = $"""
        {Marker}, which replaces it.
        [Service]
        Type=notify
        NotifyAccess=main
        WatchdogSec=60
        TimeoutStartSec=300
        TimeoutStopSec=10
        KillMode=process
        Delegate=yes
        TasksMax=infinity
        LimitNOFILE=1048576
        OOMScoreAdjust=-999
        OOMPolicy=continue
        KeyringMode=private
        # Not here: what gives the service mounts of its own (Private*, Protect* of files and of the kernel, ReadOnlyPaths,
        # TemporaryFileSystem, RootDirectory, DynamicUser): pods' mounts would be made where nobody else sees them.
        # Nor what containers would inherit: NoNewPrivileges, CapabilityBoundingSet, SystemCallFilter, Restrict*, LockPersonality,
        # MemoryDenyWriteExecute, UMask, LimitCORE. Nor DevicePolicy: images hold device nodes.

        """;

    /// <summary>kubeadm's variables, for a node that joins a cluster.</summary>
    public static string Joining { get; } = DropIn(
        "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf", "--config=/var/lib/kubelet/config.yaml");

    /// <summary>The same variables for a node that stands alone.</summary>
    public static string Standalone { get; } = DropIn("", $"--config={ConfigPath}");

    public const string ConfigPath = "/etc/nativekubelet/config.yaml", ManifestDirectory = "/etc/kubernetes/manifests";

    /// <summary>Never overwritten: it is the operator's from then on.</summary>
    public const string Config = $"""
        {Marker} for a node that stands alone; it is yours to change. 'nativekubelet config' shows what it comes to.
        apiVersion: kubelet.config.k8s.io/v1beta1
        kind: KubeletConfiguration
        # Every file in here is a pod (or several); put it there by renaming a whole file into place.
        staticPodPath: {ManifestDirectory}
        # http://127.0.0.1:10248/healthz
        healthzPort: 10248

        """;

    /// <summary>
    /// For machines without systemd: any shell, start-stop-daemon not needed. What systemd would do is done by a loop of the
    /// script: an agent that ends is started again after ten seconds.
    /// </summary>
    /// <param name="standalone">Which of kubeadm's variables are set where no file sets them.</param>
    public static string InitScript(bool standalone) => $$"""
        #!/bin/sh
        {{Marker}}, which replaces it. Put flags into /etc/default/kubelet (KUBELET_EXTRA_ARGS="…").
        ### BEGIN INIT INFO
        # Provides:          kubelet
        # Required-Start:    $local_fs $network $syslog
        # Required-Stop:     $local_fs
        # Default-Start:     2 3 4 5
        # Default-Stop:      0 1 6
        # Short-Description: kubelet: The Kubernetes Node Agent
        ### END INIT INFO

        program=/usr/bin/nativekubelet
        pidfile=/run/kubelet.pid
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        export PATH

        {{(standalone
            ? $"KUBELET_KUBECONFIG_ARGS=\nKUBELET_CONFIG_ARGS=--config={ConfigPath}"
            : "KUBELET_KUBECONFIG_ARGS='--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf'\nKUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml")}}
        KUBELET_KUBEADM_ARGS=
        KUBELET_EXTRA_ARGS=
        for file in /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet /etc/sysconfig/kubelet; do
            [ ! -r "$file" ] || . "$file"
        done

        # The loop's own pid is in the file; a pid that was given to another program by now is not it.
        running() {
            pid=$(cat "$pidfile" 2>/dev/null) && [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q 'kubelet supervise'
        }

        supervise() {
            child=
            trap '[ -z "$child" ] || { kill "$child"; wait "$child"; } 2>/dev/null; rm -f "$pidfile"; exit 0' TERM
            trap '' HUP
            echo $$ >"$pidfile"
            # Messages go to the system's log by a pipe that has no name any more once it is open.
            if command -v logger >/dev/null 2>&1 && rm -f /run/kubelet.log.pipe && mkfifo -m 600 /run/kubelet.log.pipe; then
                logger -t kubelet </run/kubelet.log.pipe &
                exec >/run/kubelet.log.pipe 2>&1
                rm -f /run/kubelet.log.pipe
            else
                exec >/dev/null 2>&1
            fi
            while :; do
                # shellcheck disable=SC2086 # these are lists of flags
                "$program" $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS &
                child=$!
                wait "$child"
                child=
                sleep 10 &
                wait $!
            done
        }

        start() {
            if running; then echo "kubelet runs already (pid $pid)"; return 0; fi
            if command -v setsid >/dev/null 2>&1; then setsid "$0" supervise </dev/null >/dev/null 2>&1 &
            else "$0" supervise </dev/null >/dev/null 2>&1 & fi
        }

        stop() {
            # Pods run on: only the agent ends.
            running || return 0
            kill "$pid" 2>/dev/null
            n=0
            while [ -d "/proc/$pid" ] && [ $n -lt 10 ]; do sleep 1; n=$((n + 1)); done
            [ ! -d "/proc/$pid" ] || { echo "kubelet (pid $pid) does not end" >&2; return 1; }
        }

        case ${1:-} in
            start) start ;;
            stop) stop ;;
            restart|force-reload) stop && start ;;
            status) if running; then echo "kubelet runs (pid $pid)"; else echo "kubelet does not run"; exit 3; fi ;;
            supervise) supervise ;;
            *) echo "usage: $0 start|stop|restart|status" >&2; exit 2 ;;
        esac

        """;

    private static string DropIn(string kubeconfig, string config) => $"""
        {Marker}, which replaces it; the variables are kubeadm's.
        [Service]
        Environment="KUBELET_KUBECONFIG_ARGS={kubeconfig}"
        Environment="KUBELET_CONFIG_ARGS={config}"
        # kubeadm writes KUBELET_KUBEADM_ARGS here
        EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
        # KUBELET_EXTRA_ARGS is yours
        EnvironmentFile=-/etc/default/kubelet
        EnvironmentFile=-/etc/sysconfig/kubelet
        ExecStart=
        ExecStart=/usr/bin/nativekubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS

        """;
}
