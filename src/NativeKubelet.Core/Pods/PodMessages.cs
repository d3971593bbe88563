using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>Sentences that programs and people compare with those of the original; kept word for word.</summary>
public static class PodMessages
{
    /// <summary>name_namespace(uid), the way messages name a pod.</summary>
    public static string Format(V1Pod pod) => $"{pod.Metadata.Name}_{pod.Metadata.NamespaceProperty}({pod.Metadata.Uid})";

    public static string FullName(V1Pod pod) => $"{pod.Metadata.Name}_{pod.Metadata.NamespaceProperty}";

    public static WaitingContainer CrashLoop(V1Pod pod, string container, TimeSpan delay) => new(
        container,
        "CrashLoopBackOff",
        $"back-off {GoDuration.Format(delay)} restarting failed container={container} pod={Format(pod)}",
        $"Back-off restarting failed container {container} in pod {Format(pod)}");

    /// <summary>A start that failed and may not be repeated yet; for an image that is the pull's back-off.</summary>
    public static WaitingContainer Held(V1Container want, StartFailure failure) => failure.Image is { } image && failure.Reason is "ErrImagePull" or "RegistryUnavailable"
        ? new(want.Name, "ImagePullBackOff", $"Back-off pulling image \"{image}\": {failure.Reason}: {failure.Message}", $"Back-off pulling image \"{image}\"")
        : new(want.Name, failure.Reason, failure.Message, "");
}
