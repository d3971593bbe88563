namespace NativeKubelet.Core.Pods;

/// <summary>
/// What an ephemeral container needs. It runs once in its pod's life, whatever becomes of the containers beside it and however it
/// ends; only an attempt that left no record, such as a pull that failed, is repeated.
/// </summary>
internal static class EphemeralChoice
{
    public static ContainerChoice Of(WantedContainer want, SandboxObserved sandbox, PodObserved observed, PodProgress progress, DateTimeOffset now)
    {
        if (observed.Newest(want.Name) is { } last)
            return last.MayLive ? new ContainerChoice.Keep() : new ContainerChoice.Finished(last.ExitCode);
        return progress.Failures.GetValueOrDefault(want.Name) is { } failure && failure.RetryAt > now
            ? new ContainerChoice.Wait(PodMessages.Held(want.Spec, failure), failure.RetryAt)
            : new ContainerChoice.Start(new(want.Name, sandbox.Id, null, 0));
    }
}
