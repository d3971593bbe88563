namespace NativeKubelet.Core.Pods;

/// <summary>
/// A container's end may restart all of its pod (restartPolicyRules, action RestartAllContainers): in the sandbox that is there, with
/// the addresses and volumes of before, from the first init container on. All instances are marked as superseded, also those that run,
/// and what follows is decided from that: they are killed, and others take their places. The marks are one record, so that an agent
/// that is killed half-way goes on.
/// </summary>
internal static class PodRestart
{
    public const string Reason = "RestartingAllContainers";
    public const string Message = "ended to be restarted with all containers of its pod";

    /// <param name="choices">What each container would need by itself: a cause that is still in its back-off waits, and the others run on.</param>
    /// <returns>Null: nothing asks for it now.</returns>
    public static SupersedeContainers? StepOf(SandboxObserved sandbox, PodIntent desired, PodObserved observed, PodProgress progress, IEnumerable<ContainerChoice> choices)
    {
        bool due = choices.OfType<ContainerChoice.Start>().Select(choice => desired.Wanted.First(want => want.Name == choice.Step.Container))
            .Any(want => !progress.Replacing.Contains(want.Name) && IsCause(want, observed.Newest(want.Name), sandbox));
        return due ? new(observed.Containers.Where(c => c is { Ephemeral: false, Superseded: false }).Select(c => c.Id).ToValueList()) : null;
    }

    /// <summary>Without grace, as in the original: what it would save begins anew a moment later.</summary>
    public static ContainerStop StopOf(ContainerObserved superseded) =>
        new(superseded.Id, superseded.Name, TimeSpan.Zero, $"Container {superseded.Name} is restarted with all others of its pod");

    private static bool IsCause(WantedContainer want, ContainerObserved? newest, SandboxObserved sandbox) =>
        newest is { MayLive: false, Superseded: false } ended && ended.SandboxId == sandbox.Id && RestartRule.RestartsAll(want, ended.ExitCode);
}
