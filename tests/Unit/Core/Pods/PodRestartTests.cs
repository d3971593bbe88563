using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

/// <summary>A container whose end restarts all of its pod.</summary>
public sealed class PodRestartTests
{
    private const int Code = 42;

    [Fact]
    public void All_are_marked_and_what_runs_is_killed()
    {
        ContainerObserved[] records = [A.Exited("setup", 0), A.Running("side"), A.Exited("web", Code), A.Running("other")];
        PodPlan mark = A.Plan(Pod(), A.Sandbox(records));
        Assert.True(mark.RestartsAll);
        Assert.Equal([new SupersedeContainers(["setup-0", "side-0", "web-0", "other-0"])], mark.Steps);

        PodPlan kill = A.Plan(Pod(), A.Sandbox([.. records.Select(Over)]));
        Assert.True(kill.RestartsAll);
        ValueList<ContainerStop> stops = Assert.IsType<StopContainers>(Assert.Single(kill.Steps)).Containers;
        Assert.Equal([("side-0", TimeSpan.Zero), ("other-0", TimeSpan.Zero)], stops.Select(s => (s.Id, s.Grace)));
        Assert.Equal("Container side is restarted with all others of its pod", stops[0].Message);
    }

    [Fact]
    public void An_init_container_that_runs_is_killed_too_where_a_sidecar_is_the_cause() => Assert.Equal(
        ["late-0"],
        Assert.IsType<StopContainers>(Assert.Single(A.Plan(WithLate(), A.Sandbox(Over(A.Exited("setup", 0)), Over(A.Exited("side", Code)), Over(A.Running("late")))).Steps))
            .Containers.Select(c => c.Id));

    [Fact]
    public void The_pod_then_begins_anew_in_the_same_sandbox_with_its_first_init_container()
    {
        ContainerObserved[] before = [Over(A.Exited("setup", 0)), Over(A.Exited("side", 137)), Over(A.Exited("web", Code)), Over(A.Exited("other", 137))];

        Assert.Equal([new StartContainer("setup", "s0", 1, 0)], A.Plan(Pod(), A.Sandbox(before)).Steps);
        Assert.Equal([new StartContainer("side", "s0", 1, 0)], Starts(A.Plan(Pod(), A.Sandbox([.. before, A.Exited("setup", 0, restarts: 1)]))));
        PodPlan last = A.Plan(Pod(), A.Sandbox([.. before, A.Exited("setup", 0, restarts: 1), A.Running("side", 1)]));
        // The cause has crashed, which its next end will feel; the others have not.
        Assert.Equal([new StartContainer("web", "s0", 1, 1), new StartContainer("other", "s0", 1, 0)], Starts(last));
        Assert.False(last.RestartsAll);
    }

    [Fact]
    public void Others_that_ended_for_good_before_the_cause_end_the_pod() =>
        Assert.True(A.Plan(Pod("side"), A.Sandbox(A.Exited("setup", 0), A.Exited("side", Code), A.Exited("web", 0), A.Exited("other", 0))).IsEnd);

    [Fact]
    public void A_cause_that_ends_again_and_again_waits_and_the_others_run_on()
    {
        PodObserved observed = A.Sandbox(A.Exited("setup", 0), A.Running("side"), A.Exited("web", Code, restarts: 1, step: 1), A.Running("other"));

        PodPlan early = A.Plan(Pod(), observed, seconds: 9);
        Assert.Equal(("web", "CrashLoopBackOff"), (Assert.Single(early.Waiting).Container, early.Waiting[0].Reason));
        Assert.Empty(early.Steps);
        Assert.True(A.Plan(Pod(), observed, seconds: 10).RestartsAll);
    }

    [Theory]
    [InlineData("setup")]
    [InlineData("side")]
    public void Init_containers_and_sidecars_can_be_the_cause(string cause)
    {
        PodIntent desired = Pod(cause);
        ContainerObserved[] records = cause == "setup" ? [A.Exited("setup", Code)] : [A.Exited("setup", 0), A.Exited("side", Code)];

        Assert.Equal([new SupersedeContainers(records.Select(r => r.Id).ToValueList())], A.Plan(desired, A.Sandbox(records)).Steps);
    }

    [Fact]
    public void An_init_container_that_did_its_work_can_be_the_cause_where_its_rule_says_so()
    {
        PodIntent desired = Pod("setup", 0);

        Assert.Equal([new SupersedeContainers(["setup-0"])], A.Plan(desired, A.Sandbox(A.Exited("setup", 0))).Steps);
    }

    public static TheoryData<string, PodObserved, PodProgress> NoCauses => new()
    {
        { "another code", A.Sandbox(A.Exited("setup", 0), A.Running("side"), A.Exited("web", 1), A.Running("other")), PodProgress.Start },
        { "the node stopped it itself", A.Sandbox(A.Exited("setup", 0), A.Running("side"), A.Exited("web", Code), A.Running("other")), PodProgress.Start with { Replacing = ["web"] } },
        { "a new sandbox restarts all anyway", PodObserved.Of([A.Attempt(0, false, A.Exited("web", Code)), A.Attempt(1, true)]), PodProgress.Start },
    };

    [Theory]
    [MemberData(nameof(NoCauses))]
    public void Other_ends_restart_nothing_else(string why, PodObserved observed, PodProgress progress) =>
        Assert.False(A.Plan(Pod(), observed, progress: progress).RestartsAll, why);

    [Fact]
    public void The_first_rule_that_is_for_the_code_counts()
    {
        PodIntent desired = Pod();
        desired.Pod.Spec.Containers[0].RestartPolicyRules.Insert(0, Rule("Restart", "NotIn", 1));

        PodPlan plan = A.Plan(desired, A.Sandbox(A.Exited("setup", 0), A.Running("side"), A.Exited("web", Code), A.Running("other")));

        Assert.Equal([new StartContainer("web", "s0", 1, 1)], plan.Steps);
    }

    [Fact]
    public void Containers_for_debugging_stay_as_they_are()
    {
        PodPlan plan = A.Plan(Pod(), A.Sandbox(A.Exited("setup", 0), A.Exited("web", Code), A.Running("debug") with { Ephemeral = true }));

        Assert.Equal([new SupersedeContainers(["setup-0", "web-0"])], plan.Steps);
    }

    [Fact]
    public void A_lost_sandbox_is_made_anew_while_all_restart()
    {
        PodObserved dead = A.Sandbox(0, false, Over(A.Exited("setup", 0)), Over(A.Exited("side", 137)), Over(A.Exited("web", Code)), Over(A.Exited("other", 137)));

        Assert.Equal([new CreateSandbox(1)], A.Plan(Pod(), dead, progress: PodProgress.Start.SandboxStopped("s0")).Steps);
    }

    [Fact]
    public void The_status_tells_of_a_pod_that_runs_on_and_of_ends_that_were_no_faults()
    {
        PodIntent desired = Pod();
        PodObserved killed = A.Sandbox(A.Exited("setup", 0), A.Exited("side", 137), A.Exited("web", Code), A.Exited("other", 137));
        PodStatus restarting = Status(desired, A.Sandbox(Over(A.Exited("setup", 0)), Over(A.Running("side")), Over(A.Exited("web", Code)), Over(A.Running("other"))), null);
        Assert.Equal(("True", "RestartAllContainersStarted"), Restarting(restarting));

        PodStatus waiting = Status(desired, A.Sandbox([.. killed.Containers.Select(Over)]), restarting);
        Assert.Equal(PodPhase.Running, waiting.Phase);
        Assert.Equal(("False", ""), Restarting(waiting));
        Assert.All(waiting.InitContainers.Concat(waiting.Containers), c => Assert.Equal("RestartingAllContainers", Assert.IsType<Waiting>(c.State).Reason));
        Assert.Equal([137, Code], waiting.Containers.Select(c => c.LastState!.ExitCode));
        Assert.All(waiting.Containers, c => Assert.Equal("RestartingAllContainers", c.LastState!.Reason));

        PodObserved again = A.Sandbox([.. killed.Containers.Select(Over), A.Exited("setup", 0, 1), A.Running("side", 1), A.Running("web", 1), A.Running("other", 1)]);
        PodStatus running = Status(desired, again, waiting);
        Assert.Equal((PodPhase.Running, Code, 1), (running.Phase, running.Containers[1].LastState!.ExitCode, running.Containers[1].RestartCount));
    }

    [Fact]
    public void Pods_that_cannot_restart_so_have_no_such_condition() =>
        Assert.DoesNotContain(Status(A.Intent(), A.Sandbox(A.Running()), null).Conditions, c => c.Type == PodConditions.AllContainersRestarting);

    /// <summary>With restartPolicy Never: init container setup, sidecar side, containers web and other.</summary>
    /// <param name="cause">Whose end with <paramref name="code"/> restarts all.</param>
    private static PodIntent Pod(string cause = "web", int code = Code)
    {
        PodIntent intent = A.WithInit("Never", "setup", "side");
        intent.Pod.Spec.Containers = A.Pod("Never", "web", "other").Spec.Containers;
        V1Container container = intent.Pod.Spec.InitContainers.Concat(intent.Pod.Spec.Containers).Single(c => c.Name == cause);
        container.RestartPolicy ??= "Never";
        container.RestartPolicyRules = [Rule("RestartAllContainers", "In", code)];
        return intent;
    }

    private static PodIntent WithLate()
    {
        PodIntent intent = Pod("side");
        intent.Pod.Spec.InitContainers.Add(A.Init("late"));
        return intent;
    }

    private static V1ContainerRestartRule Rule(string action, string operation, int code) =>
        new() { Action = action, ExitCodes = new() { OperatorProperty = operation, Values = [code] } };

    private static IEnumerable<StartContainer> Starts(PodPlan plan) => plan.Steps.OfType<StartContainer>();

    private static ContainerObserved Over(ContainerObserved container) => container with { Superseded = true };

    private static (string, string) Restarting(PodStatus status)
    {
        PodCondition condition = status.Conditions.Single(c => c.Type == PodConditions.AllContainersRestarting);
        return (condition.Status.ToString(), condition.Reason);
    }

    private static PodStatus Status(PodIntent desired, PodObserved observed, PodStatus? previous) =>
        PodStatusBuilder.Build(desired, observed, PodProgress.Start.Noting(observed, A.T0, A.T0), A.Plan(desired, observed), previous, A.Node, A.T0);
}
