using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

/// <summary>Small builders: "a pod", "a sandbox", "an exited container".</summary>
internal static class A
{
    public static readonly DateTimeOffset T0 = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static readonly StatusFacts Node = new(["192.0.2.1"], "BestEffort");

    public static V1Pod Pod(string policy = "Always", params string[] containers) => new()
    {
        Metadata = new V1ObjectMeta { Name = "web-node", NamespaceProperty = "default", Uid = "u1", CreationTimestamp = T0.UtcDateTime },
        Spec = new V1PodSpec
        {
            RestartPolicy = policy,
            TerminationGracePeriodSeconds = 30,
            Containers = [.. containers.DefaultIfEmpty("web").Select(name => new V1Container { Name = name, Image = "busybox:1", ImagePullPolicy = "IfNotPresent" })],
        },
    };

    /// <summary>An init container; one whose name begins with "side" is a sidecar.</summary>
    public static V1Container Init(string name) => new()
    {
        Name = name,
        Image = "busybox:1",
        ImagePullPolicy = "IfNotPresent",
        RestartPolicy = name.StartsWith("side", StringComparison.Ordinal) ? "Always" : null,
    };

    /// <summary>With one regular container, web.</summary>
    public static PodIntent WithInit(string policy, params string[] init)
    {
        V1Pod pod = Pod(policy);
        pod.Spec.InitContainers = [.. init.Select(Init)];
        return new(pod);
    }

    public static PodIntent Intent(string policy = "Always", params string[] containers) => new(Pod(policy, containers));

    public static PodObserved Sandbox(params ContainerObserved[] containers) => Sandbox(0, true, containers);

    public static PodObserved Sandbox(int attempt, bool ready, params ContainerObserved[] containers) => PodObserved.Of([Attempt(attempt, ready, containers)]);

    public static SandboxObserved Attempt(int attempt, bool ready, params ContainerObserved[] containers) => new(
        "s" + attempt, attempt, ready, false, ["10.88.0.2"], T0.AddSeconds(-60 + attempt),
        containers.Select(c => c with { SandboxId = "s" + attempt }).ToValueList());

    public static ContainerObserved Running(string name = "web", int restarts = 0, int step = 0) => new(
        $"{name}-{restarts}", "s0", name, restarts, step, Hash(name), "busybox:1", "busybox@sha256:1", ContainerRunState.Running,
        T0.AddSeconds(-30), T0.AddSeconds(-30), null, 0, "", "");

    /// <summary>Ended at T0 after half a minute.</summary>
    public static ContainerObserved Exited(string name = "web", int code = 1, int restarts = 0, int step = 0) => Running(name, restarts, step) with
    {
        State = ContainerRunState.Exited,
        FinishedAt = T0,
        ExitCode = code,
        Reason = code == 0 ? "Completed" : "Error",
    };

    public static string Hash(string name) => ContainerHash.Of(new V1Container { Name = name, Image = "busybox:1" });

    /// <summary>The plan for a moment after T0; the worker has seen everything as it happened.</summary>
    public static PodPlan Plan(PodIntent desired, PodObserved observed, double seconds = 0, PodProgress? progress = null, CrashBackoff? backoff = null)
    {
        PodProgress known = (progress ?? PodProgress.Start).Noting(observed, T0, T0);
        return PodActions.Compute(desired, observed, known, backoff ?? CrashBackoff.Default, T0.AddSeconds(seconds));
    }
}
