namespace NativeKubelet.Core.Events;

/// <summary>Reason words of the node's events; programs match on them, so they are the original's.</summary>
public static class EventReasons
{
    public const string Pulling = "Pulling";
    public const string Pulled = "Pulled";
    public const string Failed = "Failed";
    public const string BackOff = "BackOff";
    public const string ErrImageNeverPull = "ErrImageNeverPull";
    public const string InspectFailed = "InspectFailed";
    public const string Created = "Created";
    public const string Started = "Started";
    public const string Killing = "Killing";
    public const string FailedPostStartHook = "FailedPostStartHook";
    public const string FailedPreStopHook = "FailedPreStopHook";
    public const string SandboxChanged = "SandboxChanged";
    public const string FailedCreatePodSandBox = "FailedCreatePodSandBox";
    public const string FailedKillPod = "FailedKillPod";
    public const string FailedCreatePodContainer = "FailedCreatePodContainer";
    public const string FailedMount = "FailedMount";
    public const string FailedSync = "FailedSync";
    public const string FailedValidation = "FailedValidation";
    public const string FailedToRetrieveImagePullSecret = "FailedToRetrieveImagePullSecret";
    public const string NetworkNotReady = "NetworkNotReady";
    public const string SELinuxNotEnabled = "SELinuxNotEnabled";
    public const string ResizeStarted = "ResizeStarted";
    public const string ResizeCompleted = "ResizeCompleted";
    public const string ResizeDeferred = "ResizeDeferred";
    public const string ResizeInfeasible = "ResizeInfeasible";
    public const string ResizeError = "ResizeError";
}
