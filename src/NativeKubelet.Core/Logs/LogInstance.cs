using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Server;

namespace NativeKubelet.Core.Logs;

/// <summary>Which of a container's instances is meant by a request for its log (spec 20 §11).</summary>
public static class LogInstance
{
    /// <param name="pod">Its name, for the sentences.</param>
    /// <returns>The instance's ID.</returns>
    /// <exception cref="RefusedException">There is no log to show; in the original's words, which users' scripts look for.</exception>
    public static string Choose(PodStatus status, string pod, string container, bool previous)
    {
        ContainerStatus found = status.Containers.Concat(status.InitContainers).Concat(status.EphemeralContainers).FirstOrDefault(c => c.Name == container)
            ?? throw No($"container \"{container}\" in pod \"{pod}\" is not available");
        string last = found.LastState?.ContainerId ?? "";
        if (previous) return last.Length > 0 ? last : throw No($"previous terminated container \"{container}\" in pod \"{pod}\" not found");
        return found.State switch
        {
            Running => found.Id,
            Terminated { ContainerId.Length: > 0 } ended => ended.ContainerId,
            Waiting waiting when last.Length == 0 && found.LastState is null => throw No($"container \"{container}\" in pod \"{pod}\" is waiting to start: {Cause(waiting.Reason)}"),
            _ => last.Length > 0 ? last : throw No($"container \"{container}\" in pod \"{pod}\" is terminated"),
        };
    }

    private static string Cause(string reason) => reason switch
    {
        "ErrImagePull" => "image can't be pulled",
        "ImagePullBackOff" => "trying and failing to pull image",
        _ => reason,
    };

    private static RefusedException No(string text) => new(400, text);
}
