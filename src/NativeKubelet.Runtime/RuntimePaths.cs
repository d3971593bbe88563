namespace NativeKubelet.Runtime;

/// <summary>
/// Where an agent keeps its things (docs/architecture.md, "State on disk"). Several agents run side by side on one
/// machine with different values here; nothing below this room knows a fixed path.
/// </summary>
/// <param name="Root">The kubelet's --root-dir: pods' volumes and plugin directories, node-local and durable.</param>
/// <param name="Data">--data-dir: image store, writable layers, records that survive a reboot.</param>
/// <param name="Run">--run-dir, on tmpfs, mode 0700: live sandbox records, holder sockets, bundles, exit files.</param>
/// <param name="PodLogs">podLogsDir, usually /var/log/pods.</param>
/// <param name="ContainerLogs">Links for log collectors, usually /var/log/containers.</param>
public sealed record RuntimePaths(string Root, string Data, string Run, string PodLogs, string ContainerLogs)
{
    public string PodDirectory(string podUid) => Path.Combine(Root, "pods", podUid);

    /// <summary>One directory per sandbox: its record, the holder's socket, exit files, /etc files, bundles.</summary>
    public string SandboxDirectory(string sandboxId) => Path.Combine(Run, "sandboxes", sandboxId);

    /// <summary>Bind mount of /proc/PAUSE/ns/net, the path that CNI is given.</summary>
    public string NetworkNamespace(string sandboxId) => Path.Combine(Run, "netns", sandboxId);

    /// <summary>The writable layer and durable record of one container.</summary>
    public string ContainerData(string containerId) => Path.Combine(Data, "containers", containerId);

    /// <summary>Root file systems of pods with users of their own, who may pass through here and not through RUN.</summary>
    public string UsersRun => Run + "-users";

    public string RuncState => Path.Combine(Run, "runc");

    /// <summary>The root-only socket that the verbs talk to.</summary>
    public string AgentSocket => Path.Combine(Run, "agent.sock");
}
