using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Probes;

namespace NativeKubelet.Tests.Unit.Core.Pods;

/// <summary>What verdicts, hooks and deadlines make of a pod.</summary>
public sealed class PodHealthTests
{
    [Theory]
    [InlineData("Always", AfterStop.Restart, "Container web failed liveness probe, will be restarted")]
    [InlineData("OnFailure", AfterStop.Restart, "Container web failed liveness probe, will be restarted")]
    [InlineData("Never", AfterStop.ByPolicy, "Container web failed liveness probe")]
    public void A_container_that_failed_its_liveness_probe_is_killed(string policy, AfterStop then, string message)
    {
        PodIntent desired = Probed(policy);

        ContainerStop stop = Killed(A.Plan(desired, A.Sandbox(A.Running()), progress: With(new(Liveness: false))));

        Assert.Equal(("web-0", then, message, TimeSpan.FromSeconds(30)), (stop.Id, stop.Then, stop.Message, stop.Grace));
    }

    [Fact]
    public void A_probes_own_grace_goes_before_the_pods()
    {
        PodIntent desired = Probed("Always");
        desired.Pod.Spec.Containers[0].LivenessProbe.TerminationGracePeriodSeconds = 60;
        desired.Pod.Spec.Containers[0].StartupProbe.TerminationGracePeriodSeconds = 0;

        Assert.Equal(60, Killed(A.Plan(desired, A.Sandbox(A.Running()), progress: With(new(Liveness: false)))).Grace.TotalSeconds);
        ContainerStop startup = Killed(A.Plan(desired, A.Sandbox(A.Running()), progress: With(new(Startup: false))));
        Assert.Equal((0, "Container web failed startup probe, will be restarted"), (startup.Grace.TotalSeconds, startup.Message));
    }

    [Fact]
    public void A_killed_container_restarts_with_back_off_whatever_its_exit_code()
    {
        PodProgress failing = PodProgress.Start with { Failing = ["web"] };
        PodObserved ended = A.Sandbox(A.Exited(code: 0, restarts: 2, step: 2));

        Assert.Equal("CrashLoopBackOff", Assert.Single(A.Plan(Probed("OnFailure"), ended, 19, failing).Waiting).Reason);
        Assert.Equal([new StartContainer("web", "s0", 3, 3)], A.Plan(Probed("OnFailure"), ended, 20, failing).Steps);
    }

    [Fact]
    public void A_failed_readiness_probe_kills_nothing() =>
        Assert.Empty(A.Plan(Probed("Always"), A.Sandbox(A.Running()), progress: With(new(Startup: true, Readiness: false))).Steps);

    [Theory]
    [InlineData(null, null, false, false)]
    [InlineData(true, null, true, false)]
    [InlineData(true, true, true, true)]
    [InlineData(true, false, true, false)]
    [InlineData(null, true, false, false)]
    public void A_container_is_ready_when_it_has_started_and_says_so(bool? startup, bool? readiness, bool started, bool ready)
    {
        PodIntent desired = Probed("Always");
        PodProgress progress = With(new(startup, readiness));

        ContainerStatus status = PodStatusBuilder.Build(desired, A.Sandbox(A.Running()), progress, PodPlan.Idle, null, A.Node, A.T0).Containers[0];

        Assert.Equal((started, ready), (status.Started, status.Ready));
    }

    [Fact]
    public void Nothing_else_is_started_before_the_hook_after_a_start_has_ended()
    {
        PodIntent desired = A.Intent("Always", "web", "other");
        desired.Pod.Spec.Containers[0].Lifecycle = new V1Lifecycle { PostStart = new V1LifecycleHandler() };
        PodProgress started = PodProgress.Start.Started("web");

        Assert.Equal([new RunPostStart("web-0", "web")], A.Plan(desired, A.Sandbox(A.Running()), progress: started).Steps);
        Assert.Equal([new StartContainer("other", "s0", null, 0)], A.Plan(desired, A.Sandbox(A.Running())).Steps);
    }

    [Fact]
    public void A_failed_hook_ends_its_container_by_policy()
    {
        PodProgress failed = PodProgress.Start with { HookFailed = ["web"] };

        ContainerStop stop = Killed(A.Plan(A.Intent(), A.Sandbox(A.Running()), progress: failed));

        Assert.Equal(("FailedPostStartHook", AfterStop.ByPolicy), (stop.Message, stop.Then));
    }

    [Fact]
    public void A_container_that_stays_ended_is_not_told_to_be_waiting()
    {
        PodProgress failed = PodProgress.Start.Failed("web", new("PostStartHookError", "no", A.T0));

        ContainerStateOf Of(string policy) =>
            PodStatusBuilder.Build(A.Intent(policy), A.Sandbox(A.Exited(code: 143)), failed, PodPlan.Idle, null, A.Node, A.T0).Containers[0].State;

        Assert.IsType<Terminated>(Of("Never"));
        Assert.Equal(new Waiting("PostStartHookError", "no"), Of("Always"));
    }

    [Fact]
    public void A_pod_ends_at_its_deadline_and_stays_ended()
    {
        PodIntent desired = A.Intent();
        desired.Pod.Spec.ActiveDeadlineSeconds = 60;
        PodProgress begun = PodProgress.Start with { Begun = A.T0 };

        Assert.Equal(A.T0.AddSeconds(60), A.Plan(desired, A.Sandbox(A.Running()), 59, begun).WakeAt);
        PodPlan over = A.Plan(desired, A.Sandbox(A.Running()), 60, begun);
        Assert.Equal("DeadlineExceeded", over.Failure?.Reason);
        Assert.IsType<StopPod>(Assert.Single(over.Steps));

        PodProgress decided = begun with { Over = over.Failure };
        PodObserved ended = A.Sandbox(0, false, A.Exited(code: 143));
        Assert.Equal([new TearDown()], A.Plan(desired, ended, 61, decided.SandboxStopped("s0")).Steps);
        PodStatus status = PodStatusBuilder.Build(desired, ended, decided, PodPlan.Idle, null, A.Node, A.T0);
        Assert.Equal((PodPhase.Failed, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"), (status.Phase, status.Reason, status.Message));
    }

    [Fact]
    public void A_pod_that_had_ended_before_its_deadline_does_not_fail_at_it()
    {
        PodIntent desired = A.Intent("Never");
        desired.Pod.Spec.ActiveDeadlineSeconds = 60;
        PodProgress begun = PodProgress.Start with { Begun = A.T0, TornDown = true, StoppedSandboxes = ["s0"] };

        Assert.Null(A.Plan(desired, A.Sandbox(0, false, A.Exited(code: 0)), 100, begun).Failure);
    }

    [Fact]
    public void Last_words_of_all_containers_share_what_a_pod_may_say()
    {
        ContainerObserved talker = A.Exited("a") with { Message = new string('é', 5000) };

        PodStatus status = PodStatusBuilder.Build(A.Intent("Never", "a", "b", "c", "d"), A.Sandbox(talker), PodProgress.Start, PodPlan.Idle, null, A.Node, A.T0);

        Assert.Equal(new string('é', 1536), Assert.IsType<Terminated>(status.Containers[0].State).Message);
    }

    private static PodIntent Probed(string policy)
    {
        PodIntent desired = A.Intent(policy);
        V1Container web = desired.Pod.Spec.Containers[0];
        (web.StartupProbe, web.ReadinessProbe, web.LivenessProbe) = (new V1Probe(), new V1Probe(), new V1Probe());
        return desired;
    }

    private static PodProgress With(ProbeVerdicts verdicts) => PodProgress.Start with { Probes = PodProgress.Start.Probes.Add("web-0", verdicts) };

    private static ContainerStop Killed(PodPlan plan) => Assert.Single(Assert.IsType<StopContainers>(Assert.Single(plan.Steps)).Containers);
}
