using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class InitSequenceTests
{
    private static readonly ContainerObserved[] None = [];

    /// <summary>What of a pod with init containers a, side and b, and the container web, is started next.</summary>
    public static TheoryData<string, ContainerObserved[], string> Steps => new()
    {
        { "nothing ran yet", None, "a" },
        { "the first runs", [A.Running("a")], "" },
        { "the first is done", [A.Exited("a", 0)], "side" },
        { "the sidecar has started", [A.Exited("a", 0), A.Running("side")], "b" },
        { "the last runs", [A.Exited("a", 0), A.Running("side"), A.Running("b")], "" },
        { "a sidecar crashed while the last runs", [A.Exited("a", 0), A.Exited("side"), A.Running("b")], "side" },
        { "a sidecar ended well and is wanted all the same", [A.Exited("a", 0), A.Exited("side", 0), A.Running("b")], "side" },
        { "all are done", [A.Exited("a", 0), A.Running("side"), A.Exited("b", 0)], "web" },
        { "all run", [A.Exited("a", 0), A.Running("side"), A.Exited("b", 0), A.Running()], "" },
        { "a sidecar crashed later", [A.Exited("a", 0), A.Exited("side"), A.Exited("b", 0), A.Running()], "side" },
        { "an init container failed", [A.Exited("a", 0), A.Running("side"), A.Exited("b", 3)], "b" },
    };

    [Theory]
    [MemberData(nameof(Steps))]
    public void Init_containers_run_one_after_the_other_and_sidecars_run_on(string when, ContainerObserved[] records, string next)
    {
        PodPlan plan = A.Plan(A.WithInit("Always", "a", "side", "b"), A.Sandbox(records));

        Assert.True(next == string.Join(",", plan.Steps.OfType<StartContainer>().Select(s => s.Container)), when);
    }

    [Fact]
    public void A_sidecar_with_a_startup_probe_holds_up_the_next_until_it_has_passed()
    {
        PodIntent desired = A.WithInit("Always", "side");
        desired.Pod.Spec.InitContainers[0].StartupProbe = new V1Probe();
        PodProgress passed = PodProgress.Start with { Probes = PodProgress.Start.Probes.Add("side-0", new(Startup: true)) };

        Assert.Empty(A.Plan(desired, A.Sandbox(A.Running("side"))).Steps);
        Assert.Equal([new StartContainer("web", "s0", null, 0)], A.Plan(desired, A.Sandbox(A.Running("side")), progress: passed).Steps);
    }

    [Fact]
    public void A_failed_init_container_waits_like_any_other_that_crashes()
    {
        PodPlan plan = A.Plan(A.WithInit("OnFailure", "a"), A.Sandbox(A.Exited("a", 1, restarts: 1, step: 1)), 1);

        Assert.Equal(("a", "CrashLoopBackOff"), (plan.Waiting[0].Container, plan.Waiting[0].Reason));
        Assert.Equal(A.T0.AddSeconds(10), plan.WakeAt);
    }

    [Fact]
    public void An_init_container_that_may_not_run_again_ends_the_pod_and_it_stays_ended()
    {
        PodIntent never = A.WithInit("Never", "side", "a");
        PodIntent own = A.WithInit("Always", "side", "a");
        own.Pod.Spec.InitContainers[1].RestartPolicy = "Never";
        foreach (PodIntent desired in (PodIntent[])[never, own])
        {
            ContainerObserved[] records = [A.Running("side"), A.Exited("a")];

            Assert.Equal(["side-0"], Assert.IsType<StopPod>(Assert.Single(A.Plan(desired, A.Sandbox(records)).Steps)).Containers.Select(c => c.Id));

            PodObserved dead = A.Sandbox(0, false, A.Exited("side"), A.Exited("a"));
            Assert.Equal([new TearDown()], A.Plan(desired, dead, progress: PodProgress.Start.SandboxStopped("s0")).Steps);
        }
    }

    [Fact]
    public void A_new_sandbox_runs_the_sequence_anew_without_a_wait()
    {
        PodObserved observed = PodObserved.Of(
            [A.Attempt(0, false, A.Exited("a", 0, step: 3), A.Exited("side"), A.Exited()), A.Attempt(1, true)]);
        PodProgress replacing = PodProgress.Start with { Replacing = ["side", "web"] };

        Assert.Equal([new StartContainer("a", "s1", 1, 3)], A.Plan(A.WithInit("Always", "a", "side"), observed, 1, replacing).Steps.Take(1));
    }

    [Fact]
    public void Sidecars_get_their_stop_signal_last_and_in_reverse()
    {
        PodIntent desired = A.WithInit("Always", "side1", "side2").WithStop(new(StopCause.Removed));

        StopPod stop = Assert.IsType<StopPod>(Assert.Single(A.Plan(desired, A.Sandbox(A.Running("side1"), A.Running("side2"), A.Running())).Steps));

        Assert.Equal([("side1", 2), ("side2", 1), ("web", 0)], stop.Containers.Select(c => (c.Container, c.Turn)));
    }

    [Fact]
    public void Sidecars_do_not_keep_a_pod_alive()
    {
        PodPlan plan = A.Plan(A.WithInit("Never", "side"), A.Sandbox(A.Running("side"), A.Exited(code: 0)));

        Assert.Equal(["side-0"], Assert.IsType<StopPod>(Assert.Single(plan.Steps)).Containers.Select(c => c.Id));
    }

    [Theory]
    [InlineData("Never", "In", 42, 42, true)]
    [InlineData("Never", "In", 42, 1, false)]
    [InlineData("Never", "NotIn", 42, 1, true)]
    [InlineData("Never", "NotIn", 42, 42, false)]
    [InlineData("OnFailure", "In", 42, 1, true)]
    [InlineData("OnFailure", "In", 0, 0, true)]
    [InlineData("OnFailure", "In", 42, 0, false)]
    public void A_containers_own_rules_and_policy_go_before_the_pods(string own, string operation, int listed, int code, bool restarts)
    {
        PodIntent desired = A.Intent("Never", "web", "other");
        desired.Pod.Spec.Containers[0].RestartPolicy = own;
        desired.Pod.Spec.Containers[0].RestartPolicyRules =
            [new V1ContainerRestartRule { Action = "Restart", ExitCodes = new() { OperatorProperty = operation, Values = [listed] } }];

        PodPlan plan = A.Plan(desired, A.Sandbox(A.Exited(code: code), A.Running("other")));

        Assert.Equal(restarts, plan.Steps.Any(s => s is StartContainer { Container: "web" }));
    }
}
