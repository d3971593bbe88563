using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Runtime;
using NativeKubelet.Status;

namespace NativeKubelet.Server.Streaming;

/// <summary>What a path of exec, attach, run or portForward names.</summary>
/// <param name="Uid">Null: whichever pod has the name.</param>
/// <param name="Container">Empty for portForward.</param>
internal sealed record StreamTarget(string Namespace, string Pod, string? Uid, string Container)
{
    /// <param name="path">Decoded, without its query.</param>
    /// <returns>Null when it names none.</returns>
    public static (string Action, StreamTarget Target)? Parse(string path) => path.Split('/') switch
    {
        ["", "portForward", var space, var pod] => ("portForward", new(space, pod, null, "")),
        ["", "portForward", var space, var pod, var uid] => ("portForward", new(space, pod, uid, "")),
        ["", ("exec" or "attach" or "run") and var action, var space, var pod, var container] => (action, new(space, pod, null, container)),
        ["", ("exec" or "attach" or "run") and var action, var space, var pod, var uid, var container] => (action, new(space, pod, uid, container)),
        _ => null,
    };

    public PodView? FindPod(StatusBoard board) =>
        board.Now.Pods.Values.FirstOrDefault(v => v.Namespace == Namespace && v.Name == Pod && (Uid is null || v.Uid == Uid));

    /// <returns>The instance of the container that runs; null when none does.</returns>
    public ContainerState? FindContainer(PodView pod, ImmutableArray<SandboxState> sandboxes) => sandboxes
        .Where(s => s.PodUid == pod.Uid).SelectMany(s => s.Containers).LastOrDefault(c => c.Name == Container && c.Phase == ContainerPhase.Running);

    /// <returns>Whether the container's own program has a stdin.</returns>
    public bool TakesInput(V1Pod pod) => ContainerSpecs.Find(pod.Spec, Container)?.Stdin ?? false;
}
