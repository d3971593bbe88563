using System.Collections.Immutable;
using NativeKubelet.Runtime.Recovery;

namespace NativeKubelet.Cli.Doctor;

/// <summary>Other programs on the machine that want the same ports, or the same pods.</summary>
public static class NeighbourChecks
{
    /// <summary>Programs that are a kubelet, or have one in them. comm is cut at 15 bytes, the file's name is not.</summary>
    private static readonly string[] Kubelets = ["kubelet", "hyperkube", "k3s", "k3s-server", "k3s-agent", "k0s", "kubelite", "rke2", "microshift"];

    private static readonly string[] Runtimes = ["containerd", "crio", "dockerd", "cri-dockerd"];

    public static IEnumerable<string> Known => [.. Kubelets, .. Runtimes];

    public static IEnumerable<Finding> Of(NodeSight sight)
    {
        if (sight.AgentRuns) yield return Finding.Ok("agent", "runs and answers");
        foreach (PortSight port in sight.Ports) yield return Port(port, sight.AgentRuns);
        foreach (NeighbourSight process in sight.Neighbours) yield return Neighbour(process);
        if (!sight.ForeignPods.IsEmpty) yield return Foreign(sight.ForeignPods);
        if (!sight.DeadRuns.IsEmpty)
            yield return Finding.Warn("leftovers", $"of foreground runs that were killed: {string.Join(", ", sight.DeadRuns.Select(t => $"nativekubelet-run-{t}"))}", "their pods may run on and use memory and disk", "start 'nativekubelet run' once more, with any manifest: it removes them first");
    }

    /// <summary>The agent's start says and does the same.</summary>
    public static Finding Foreign(ImmutableArray<ForeignPod> pods) => Finding.Fail(
        "pods", $"pods run that this node knows nothing of: {ForeignPods.Describe(pods)}", "they are another kubelet's, and two of them end each other's pods; the agent does not start beside them",
        "stop that kubelet and its containers (k3s-killall.sh, crictl rmp), or give this node a cgroupRoot of its own; --take-over starts all the same and leaves them alone");

    private static Finding Port(PortSight port, bool agentRuns)
    {
        string subject = $"port {port.Port}";
        if (port.Fault is null) return Finding.Ok(subject, $"free for {port.Purpose}");
        return agentRuns ? Finding.Ok(subject, $"in use while the agent runs ({port.Purpose})")
            : Finding.Fail(subject, port.Fault, $"the agent needs it for {port.Purpose}", $"end what listens there (ss -ltnp 'sport = :{port.Port}'), or choose another port");
    }

    private static Finding Neighbour(NeighbourSight process) => Kubelets.Contains(process.Program)
        ? Finding.Fail("neighbours", $"{process.Program} runs (pid {process.Pid})", "two kubelets on one machine remove each other's pods; the agent refuses to start beside its pods", "stop and disable it, or start the agent with --take-over when its pods may go")
        : Finding.Warn("neighbours", $"{process.Program} runs (pid {process.Pid})", "its containers are not this node's, but use the same memory and disk", "stop and disable it if nothing uses it");
}
