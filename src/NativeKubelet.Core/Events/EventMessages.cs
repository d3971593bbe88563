using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Events;

/// <summary>Event sentences with parts to fill in, word for word as users and their alerts know them.</summary>
public static class EventMessages
{
    public const string ContainerCreated = "Container created";
    public const string ContainerStarted = "Container started";
    public const string PostStartHookFailed = "PostStartHook failed";
    public const string PreStopHookFailed = "PreStopHook failed";
    public const string SandboxChanged = "Pod sandbox changed, it will be killed and re-created.";

    public static string Pulling(string image) => $"Pulling image \"{image}\"";

    public static string Present(string image) => $"Container image \"{image}\" already present on machine";

    public static string NeverPull(string image) => $"Container image \"{image}\" is not present with pull policy of Never";

    /// <param name="took">The pull itself.</param>
    /// <param name="waited">With the time in the queue.</param>
    public static string Pulled(string image, TimeSpan took, TimeSpan waited, long size) =>
        $"Successfully pulled image \"{image}\" in {Rounded(took)} ({Rounded(waited)} including waiting). Image size: {size} bytes.";

    public static string PullFailed(string image, string cause) => $"Failed to pull image \"{image}\": {cause}";

    public static string PullSecretsMissing(IEnumerable<string> names) =>
        $"Unable to retrieve some image pull secrets ({string.Join(", ", names)}); attempting to pull the image may not succeed.";

    /// <summary>Not in the original, which says nothing.</summary>
    public static string NoSELinux(string field) => $"{field} has no effect: SELinux is not enabled on the node";

    public static string Error(string cause) => $"Error: {cause}";

    private static string Rounded(TimeSpan time) => GoDuration.Format(TimeSpan.FromMilliseconds(Math.Round(time.TotalMilliseconds)));
}
