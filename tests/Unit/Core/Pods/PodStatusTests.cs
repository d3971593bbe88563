using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class PodStatusTests
{
    private static readonly DateTimeOffset Wall = A.T0.AddMinutes(5);

    [Fact]
    public void A_pod_just_taken_up_is_pending_with_its_containers_being_created()
    {
        PodStatus status = Build(A.Intent(), PodObserved.Nothing);

        Assert.Equal((PodPhase.Pending, Wall), (status.Phase, status.StartTime));
        Assert.Equal(new Waiting("ContainerCreating", ""), Assert.Single(status.Containers).State);
        Assert.Equal("busybox:1", status.Containers[0].Image);
    }

    [Fact]
    public void A_running_pod_is_ready_and_tells_its_addresses()
    {
        PodStatus status = Build(A.Intent(), A.Sandbox(A.Running()));

        Assert.Equal(PodPhase.Running, status.Phase);
        Assert.True(status.IsReady);
        Assert.Equal((["10.88.0.2"], ["192.0.2.1"]), (status.PodIps, status.HostIps));
        Assert.Equal(
            ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"], status.Conditions.Select(c => c.Type));
    }

    [Fact]
    public void Unready_containers_are_named()
    {
        PodStatus status = Build(A.Intent("Always", "a", "b"), A.Sandbox(A.Running("a")));

        PodCondition ready = status.Conditions.Single(c => c.Type == "Ready");
        Assert.Equal((false, "ContainersNotReady", "containers with unready status: [b]"), (ready.Status, ready.Reason, ready.Message));
    }

    [Fact]
    public void A_container_in_crash_loop_waits_and_keeps_its_end_as_last_state()
    {
        PodStatus status = Build(A.Intent(), A.Sandbox(A.Exited(code: 127, restarts: 2, step: 2)));

        ContainerStatus web = Assert.Single(status.Containers);
        Assert.Equal("CrashLoopBackOff", Assert.IsType<Waiting>(web.State).Reason);
        Assert.Equal((127, "Error"), (web.LastState!.ExitCode, web.LastState.Reason));
        Assert.Equal((PodPhase.Running, 2), (status.Phase, web.RestartCount));
    }

    [Fact]
    public void A_restarted_container_shows_how_the_instance_before_ended()
    {
        PodStatus status = Build(A.Intent(), A.Sandbox(A.Exited(code: 3), A.Running(restarts: 1)));

        Assert.IsType<Running>(status.Containers[0].State);
        Assert.Equal(3, status.Containers[0].LastState!.ExitCode);

        // The record of the first end makes room for that of the second.
        PodStatus ended = Build(A.Intent("Never"), A.Sandbox(A.Exited(code: 0, restarts: 1)), previous: status);
        Assert.Equal(3, ended.Containers[0].LastState!.ExitCode);
    }

    [Fact]
    public void An_end_is_not_told_as_the_one_before_itself()
    {
        PodObserved crashed = A.Sandbox(A.Exited(code: 3));
        PodStatus waits = Build(A.Intent(), crashed, progress: PodProgress.Start.Failed("web", new("ErrImagePull", "none", A.T0)));
        Assert.Equal(3, waits.Containers[0].LastState!.ExitCode);

        Assert.Null(Build(A.Intent(), crashed, previous: waits).Containers[0].LastState);
    }

    [Theory]
    [InlineData("Never", 0, 0, PodPhase.Succeeded)]
    [InlineData("Never", 0, 1, PodPhase.Failed)]
    [InlineData("OnFailure", 0, 0, PodPhase.Succeeded)]
    [InlineData("OnFailure", 0, 1, PodPhase.Running)]
    [InlineData("Always", 0, 0, PodPhase.Running)]
    public void The_phase_follows_from_ends_and_policy(string policy, int a, int b, PodPhase phase)
    {
        PodObserved ended = A.Sandbox(0, false, A.Exited("a", a), A.Exited("b", b));

        PodStatus status = Build(A.Intent(policy, "a", "b"), ended, PodProgress.Start with { TornDown = true });

        Assert.Equal(phase, status.Phase);
    }

    [Fact]
    public void A_terminal_phase_is_held_back_while_the_sandbox_stands()
    {
        PodIntent desired = A.Intent("Never");
        PodStatus running = Build(desired, A.Sandbox(A.Running()));

        PodStatus ended = Build(desired, A.Sandbox(A.Exited(code: 0)), previous: running);

        Assert.Equal(PodPhase.Running, ended.Phase);
        Assert.IsType<Terminated>(ended.Containers[0].State);
    }

    [Fact]
    public void A_terminal_phase_is_final()
    {
        PodIntent desired = A.Intent("Never");
        PodProgress over = PodProgress.Start with { TornDown = true };
        PodStatus failed = Build(desired, A.Sandbox(0, false, A.Exited()), over);

        Assert.Equal(PodPhase.Failed, Build(desired, A.Sandbox(0, false, A.Exited(code: 0)), over, failed).Phase);
    }

    [Fact]
    public void A_pod_that_ended_keeps_its_addresses_and_start_time()
    {
        PodIntent desired = A.Intent("Never");
        PodStatus running = Build(desired, A.Sandbox(A.Running()));

        PodStatus ended = PodStatusBuilder.Build(
            desired, A.Sandbox(0, false, A.Exited()), PodProgress.Start with { TornDown = true }, PodPlan.Idle, running, A.Node, Wall.AddHours(1));

        Assert.Equal(running.PodIps, ended.PodIps);
        Assert.Equal(running.StartTime, ended.StartTime);
    }

    [Fact]
    public void A_restart_count_never_decreases()
    {
        PodStatus before = Build(A.Intent(), A.Sandbox(A.Running(restarts: 5)));

        Assert.Equal(5, Build(A.Intent(), A.Sandbox(A.Running(restarts: 0)), previous: before).Containers[0].RestartCount);
    }

    [Fact]
    public void A_record_that_vanished_while_running_is_told_as_a_lost_container()
    {
        PodStatus before = Build(A.Intent(), A.Sandbox(A.Running()));

        ContainerStatus web = Build(A.Intent(), A.Sandbox(), previous: before).Containers[0];

        Assert.Equal(("ContainerStatusUnknown", 137), (web.LastState!.Reason, web.LastState.ExitCode));
        Assert.Equal(1, web.RestartCount);
    }

    [Fact]
    public void A_container_that_never_ran_gets_an_end_when_its_pod_is_over()
    {
        PodStatus status = Build(A.Intent().WithStop(new(StopCause.Removed)), PodObserved.Nothing);

        Terminated end = Assert.IsType<Terminated>(status.Containers[0].State);
        Assert.Equal("The container could not be located when the pod was terminated", end.Message);
    }

    [Fact]
    public void A_condition_keeps_its_time_while_its_status_stays()
    {
        PodIntent desired = A.Intent();
        PodStatus first = Build(desired, A.Sandbox(A.Running()));

        PodStatus later = PodStatusBuilder.Build(desired, A.Sandbox(A.Running()), PodProgress.Start, PodPlan.Idle, first, A.Node, Wall.AddHours(1));

        Assert.Equal(first, later);
    }

    [Fact]
    public void A_start_that_just_failed_is_told_with_its_own_reason()
    {
        PodProgress failed = PodProgress.Start.Failed("web", new("ErrImagePull", "not found", A.T0, "busybox:1"));

        PodStatus status = PodStatusBuilder.Build(A.Intent(), A.Sandbox(), failed, PodPlan.Idle, null, A.Node, Wall);

        Assert.Equal(new Waiting("ErrImagePull", "not found"), status.Containers[0].State);
    }

    public static TheoryData<string, ContainerObserved[], string, PodPhase, string> Init => new()
    {
        { "Always", [], "waiting PodInitializing", PodPhase.Pending, "[a side]" },
        { "Always", [A.Running("a")], "running", PodPhase.Pending, "[a side]" },
        { "Always", [A.Exited("a", 0)], "terminated Completed", PodPhase.Pending, "[side]" },
        { "Always", [A.Exited("a", 0), A.Running("side")], "terminated Completed", PodPhase.Pending, "" },
        { "Always", [A.Exited("a", 0), A.Running("side"), A.Running()], "terminated Completed", PodPhase.Running, "" },
        { "Always", [A.Exited("a", 5, step: 1)], "waiting CrashLoopBackOff", PodPhase.Pending, "[a side]" },
        { "Always", [A.Exited("a", 0), A.Exited("side", step: 3), A.Running()], "terminated Completed", PodPhase.Running, "" },
    };

    [Theory]
    [MemberData(nameof(Init))]
    public void What_runs_before_the_others_is_told_in_its_own_list(string policy, ContainerObserved[] records, string first, PodPhase phase, string incomplete)
    {
        PodStatus status = Build(A.WithInit(policy, "a", "side"), A.Sandbox(records));

        Assert.Equal(["a", "side"], status.InitContainers.Select(c => c.Name));
        Assert.Equal(first, status.InitContainers[0].State switch { Running => "running", Waiting w => "waiting " + w.Reason, Terminated t => "terminated " + t.Reason, _ => "" });
        Assert.Equal(phase, status.Phase);
        PodCondition initialized = status.Conditions.Single(c => c.Type == "Initialized");
        Assert.Equal(incomplete.Length == 0, initialized.Status);
        if (incomplete.Length > 0) Assert.Equal(("ContainersNotInitialized", $"containers with incomplete status: {incomplete}"), (initialized.Reason, initialized.Message));
    }

    [Fact]
    public void A_pod_whose_init_container_may_not_run_again_has_failed()
    {
        PodStatus status = Build(A.WithInit("Never", "a"), A.Sandbox(0, false, A.Exited("a", 5)), PodProgress.Start with { TornDown = true });

        Assert.Equal(PodPhase.Failed, status.Phase);
        Assert.Equal(new Waiting("PodInitializing", ""), status.Containers[0].State);
        Assert.False(status.Conditions.Single(c => c.Type == "Initialized").Status);
    }

    [Fact]
    public void Unready_sidecars_are_named_before_the_others()
    {
        PodIntent desired = A.WithInit("Always", "side");
        desired.Pod.Spec.InitContainers[0].ReadinessProbe = desired.Pod.Spec.Containers[0].ReadinessProbe = new k8s.Models.V1Probe();

        PodCondition ready = Build(desired, A.Sandbox(A.Running("side"), A.Running())).Conditions.Single(c => c.Type == "Ready");

        Assert.Equal("containers with unready status: [side web]", ready.Message);
    }

    private static PodStatus Build(PodIntent desired, PodObserved observed, PodProgress? progress = null, PodStatus? previous = null)
    {
        PodProgress known = (progress ?? PodProgress.Start).Noting(observed, A.T0, A.T0);
        PodPlan plan = PodActions.Compute(desired, observed, known, CrashBackoff.Default, A.T0.AddSeconds(1));
        return PodStatusBuilder.Build(desired, observed, known, plan, previous, A.Node, Wall);
    }
}
