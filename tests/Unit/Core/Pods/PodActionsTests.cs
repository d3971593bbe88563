using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class PodActionsTests
{
    [Fact]
    public void A_new_pod_gets_its_first_sandbox() =>
        Assert.Equal([new CreateSandbox(0)], A.Plan(A.Intent(), PodObserved.Nothing).Steps);

    [Fact]
    public void Containers_start_in_the_order_of_the_spec()
    {
        PodPlan plan = A.Plan(A.Intent("Always", "b", "a"), A.Sandbox());

        Assert.Equal([new StartContainer("b", "s0", null, 0), new StartContainer("a", "s0", null, 0)], plan.Steps);
    }

    [Fact]
    public void A_pod_that_runs_as_wanted_needs_nothing() =>
        Assert.Equal(PodPlan.Idle, A.Plan(A.Intent(), A.Sandbox(A.Running())));

    [Fact]
    public void A_dead_pause_stops_every_container_before_a_new_sandbox_is_made()
    {
        PodObserved dead = A.Sandbox(0, ready: false, A.Running("a"), A.Exited("b"));

        PodPlan plan = A.Plan(A.Intent("Always", "a", "b"), dead);

        StopPod stop = Assert.IsType<StopPod>(Assert.Single(plan.Steps));
        Assert.Equal(["a-0"], stop.Containers.Select(c => c.Id));
        Assert.Equal(AfterStop.Replace, stop.Containers[0].Then);
        Assert.Equal(["s0"], stop.Sandboxes);
    }

    [Fact]
    public void The_next_sandbox_is_one_attempt_on()
    {
        PodProgress stopped = PodProgress.Start.SandboxStopped("s0");

        PodPlan plan = A.Plan(A.Intent(), A.Sandbox(0, false, A.Exited()), progress: stopped);

        Assert.Equal([new CreateSandbox(1)], plan.Steps);
    }

    [Fact]
    public void A_sandbox_that_failed_is_not_tried_again_before_its_time()
    {
        PodProgress failed = PodProgress.Start with { SandboxRetryAt = A.T0.AddSeconds(10) };

        PodPlan plan = A.Plan(A.Intent(), PodObserved.Nothing, 9, failed);

        Assert.Empty(plan.Steps);
        Assert.Equal(A.T0.AddSeconds(10), plan.WakeAt);
    }

    [Fact]
    public void Two_ready_sandboxes_are_both_taken_down()
    {
        PodPlan plan = A.Plan(A.Intent(), PodObserved.Of([A.Attempt(0, true), A.Attempt(1, true)]));

        Assert.Equal(["s1", "s0"], Assert.IsType<StopPod>(Assert.Single(plan.Steps)).Sandboxes);
    }

    [Fact]
    public void A_pod_network_without_an_address_is_no_usable_sandbox()
    {
        SandboxObserved without = A.Attempt(0, true) with { Ips = [] };

        Assert.IsType<StopPod>(Assert.Single(A.Plan(A.Intent(), PodObserved.Of([without])).Steps));
    }

    [Fact]
    public void A_Never_pod_that_had_started_gets_no_second_sandbox()
    {
        PodPlan plan = A.Plan(A.Intent("Never", "a", "b"), A.Sandbox(0, false, A.Running("a")));

        Assert.Equal(AfterStop.ByPolicy, Assert.IsType<StopPod>(Assert.Single(plan.Steps)).Containers[0].Then);
        Assert.IsType<TearDown>(Assert.Single(A.Plan(
            A.Intent("Never", "a", "b"), A.Sandbox(0, false, A.Exited("a")), progress: PodProgress.Start.SandboxStopped("s0")).Steps));
    }

    [Fact]
    public void An_OnFailure_pod_that_completed_gets_no_new_sandbox()
    {
        PodProgress stopped = PodProgress.Start.SandboxStopped("s0");

        Assert.IsType<TearDown>(Assert.Single(A.Plan(A.Intent("OnFailure"), A.Sandbox(0, false, A.Exited(code: 0)), progress: stopped).Steps));
        Assert.IsType<CreateSandbox>(Assert.Single(A.Plan(A.Intent("OnFailure"), A.Sandbox(0, false, A.Exited(code: 3)), progress: stopped).Steps));
    }

    [Theory]
    [InlineData("Always", 0, true)]
    [InlineData("Always", 1, true)]
    [InlineData("OnFailure", 0, false)]
    [InlineData("OnFailure", 137, true)]
    [InlineData("Never", 0, false)]
    [InlineData("Never", 1, false)]
    public void Policy_and_exit_code_decide_about_a_restart(string policy, int code, bool restarts)
    {
        PodPlan plan = A.Plan(A.Intent(policy, "web", "other"), A.Sandbox(A.Exited(code: code), A.Running("other")));

        Assert.Equal(restarts, plan.Steps.Any(s => s is StartContainer { Container: "web" }));
    }

    [Fact]
    public void The_first_restart_is_immediate_and_counts_on()
    {
        PodPlan plan = A.Plan(A.Intent(), A.Sandbox(A.Exited()));

        Assert.Equal(new StartContainer("web", "s0", 1, 1), plan.Steps[0]);
    }

    [Theory]
    [InlineData(1, 10)]
    [InlineData(2, 20)]
    [InlineData(3, 40)]
    [InlineData(4, 80)]
    [InlineData(5, 160)]
    [InlineData(6, 300)]
    [InlineData(60, 300)]
    public void A_crashing_container_waits_twice_as_long_each_time(int step, int seconds)
    {
        PodObserved crashed = A.Sandbox(A.Exited(restarts: step, step: step));

        PodPlan before = A.Plan(A.Intent(), crashed, seconds - 0.001);
        PodPlan after = A.Plan(A.Intent(), crashed, seconds);

        Assert.Empty(before.Steps);
        Assert.Equal(A.T0.AddSeconds(seconds), before.WakeAt);
        Assert.Equal([new StartContainer("web", "s0", step + 1, step + 1)], after.Steps);
    }

    [Fact]
    public void The_wait_is_told_in_the_words_users_know()
    {
        WaitingContainer waiting = Assert.Single(A.Plan(A.Intent(), A.Sandbox(A.Exited(step: 4)), 1).Waiting);

        Assert.Equal("CrashLoopBackOff", waiting.Reason);
        Assert.Equal("back-off 1m20s restarting failed container=web pod=web-node_default(u1)", waiting.Message);
        Assert.Equal("Back-off restarting failed container web in pod web-node_default(u1)", waiting.Event);
    }

    [Fact]
    public void A_run_of_more_than_ten_minutes_resets_the_backoff()
    {
        ContainerObserved recovered = A.Exited(restarts: 7, step: 6) with { CreatedAt = A.T0.AddMinutes(-10.1) };

        Assert.Equal(new StartContainer("web", "s0", 8, 1), A.Plan(A.Intent(), A.Sandbox(recovered)).Steps[0]);
    }

    [Fact]
    public void A_lower_ceiling_lowers_every_wait()
    {
        CrashBackoff quick = CrashBackoff.Of(TimeSpan.FromSeconds(2));

        Assert.Equal(A.T0.AddSeconds(2), A.Plan(A.Intent(), A.Sandbox(A.Exited(step: 1)), backoff: quick).WakeAt);
        Assert.Equal(A.T0.AddSeconds(2), A.Plan(A.Intent(), A.Sandbox(A.Exited(step: 9)), backoff: quick).WakeAt);
    }

    [Theory]
    [InlineData(-3650)]
    [InlineData(3650)]
    public void A_wall_clock_that_jumps_by_years_moves_no_backoff(int days)
    {
        PodObserved crashed = A.Sandbox(A.Exited(step: 2));
        PodProgress seen = PodProgress.Start.Noting(crashed, A.T0, A.T0);

        PodProgress again = seen.Noting(crashed, wall: A.T0.AddDays(days), steady: A.T0.AddSeconds(5));
        PodPlan plan = PodActions.Compute(A.Intent(), crashed, again, CrashBackoff.Default, A.T0.AddSeconds(5));

        Assert.Equal(A.T0.AddSeconds(20), plan.WakeAt);
    }

    [Fact]
    public void An_exit_that_seems_to_lie_in_the_future_waits_no_longer_than_its_delay()
    {
        PodObserved crashed = A.Sandbox(A.Exited(step: 1) with { FinishedAt = A.T0.AddDays(1) });

        Assert.Equal(A.T0.AddSeconds(10), A.Plan(A.Intent(), crashed).WakeAt);
        Assert.NotEmpty(A.Plan(A.Intent(), crashed, 10).Steps);
    }

    [Fact]
    public void Another_image_restarts_that_container_alone_whatever_its_policy()
    {
        PodObserved observed = A.Sandbox(A.Running("a"), A.Running("b") with { Hash = "00000000" });

        PodPlan plan = A.Plan(A.Intent("Never", "a", "b"), observed);

        ContainerStop stop = Assert.Single(Assert.IsType<StopContainers>(Assert.Single(plan.Steps)).Containers);
        Assert.Equal(("b-0", "Container b definition changed, will be restarted", AfterStop.Replace), (stop.Id, stop.Message, stop.Then));
    }

    [Fact]
    public void A_replaced_container_starts_although_it_ended_well_and_without_a_wait()
    {
        PodProgress replacing = PodProgress.Start with { Replacing = ["web"] };

        PodPlan plan = A.Plan(A.Intent("Never"), A.Sandbox(A.Exited(code: 0, restarts: 3, step: 5)), progress: replacing);

        Assert.Equal(new StartContainer("web", "s0", 4, 5), plan.Steps[0]);
    }

    [Fact]
    public void A_surplus_container_is_stopped_and_then_removed()
    {
        PodPlan first = A.Plan(A.Intent(), A.Sandbox(A.Running(), A.Running("gone")));
        PodPlan then = A.Plan(A.Intent(), A.Sandbox(A.Running(), A.Exited("gone")));

        Assert.Equal("gone-0", Assert.Single(Assert.IsType<StopContainers>(Assert.Single(first.Steps)).Containers).Id);
        Assert.Equal([new RemoveContainer("gone-0")], then.Steps);
    }

    [Fact]
    public void A_container_of_unknown_state_is_stopped_before_it_is_started_again()
    {
        PodPlan plan = A.Plan(A.Intent(), A.Sandbox(A.Running() with { State = ContainerRunState.Unknown }));

        Assert.Equal(AfterStop.Replace, Assert.Single(Assert.IsType<StopContainers>(Assert.Single(plan.Steps)).Containers).Then);
    }

    [Fact]
    public void Only_the_newest_dead_instance_of_a_name_is_kept()
    {
        PodPlan plan = A.Plan(A.Intent(), A.Sandbox(A.Exited(restarts: 0), A.Exited(restarts: 1), A.Running(restarts: 2)));

        Assert.Equal([new RemoveContainer("web-0")], plan.Steps);
    }

    [Fact]
    public void An_old_sandbox_goes_with_its_last_record_worth_keeping()
    {
        PodObserved kept = PodObserved.Of([A.Attempt(0, false, A.Exited()), A.Attempt(1, true, A.Running(restarts: 1))]);
        PodObserved superseded = PodObserved.Of([A.Attempt(0, false, A.Exited()), A.Attempt(1, true, A.Exited(restarts: 1), A.Running(restarts: 2))]);

        Assert.Empty(A.Plan(A.Intent(), kept).Steps);
        Assert.Equal([new RemoveSandbox("s0")], A.Plan(A.Intent(), superseded).Steps);
    }

    [Fact]
    public void A_container_left_in_an_old_sandbox_is_stopped()
    {
        PodObserved observed = PodObserved.Of([A.Attempt(0, false, A.Running()), A.Attempt(1, true)]);

        ContainerStop stop = Assert.Single(Assert.IsType<StopContainers>(Assert.Single(A.Plan(A.Intent(), observed).Steps)).Containers);

        Assert.Equal(AfterStop.Replace, stop.Then);
    }

    [Fact]
    public void A_start_that_failed_is_held_until_it_may_be_tried_again()
    {
        PodProgress failed = PodProgress.Start.Failed("web", new("CreateContainerConfigError", "no such field", A.T0.AddSeconds(10)));

        PodPlan held = A.Plan(A.Intent("Never", "web", "other"), A.Sandbox(A.Running("other")), 9, failed);
        PodPlan due = A.Plan(A.Intent("Never", "web", "other"), A.Sandbox(A.Running("other")), 10, failed);

        Assert.Equal(("CreateContainerConfigError", "no such field"), (held.Waiting[0].Reason, held.Waiting[0].Message));
        Assert.Equal(A.T0.AddSeconds(10), held.WakeAt);
        Assert.Equal([new StartContainer("web", "s0", null, 0)], due.Steps);
    }

    [Fact]
    public void A_failed_pull_is_told_as_a_backoff()
    {
        PodProgress failed = PodProgress.Start.Failed("web", new("ErrImagePull", "not found", A.T0.AddSeconds(10), "busybox:1"));

        WaitingContainer waiting = Assert.Single(A.Plan(A.Intent(), A.Sandbox(), 1, failed).Waiting);

        Assert.Equal("ImagePullBackOff", waiting.Reason);
        Assert.Equal("Back-off pulling image \"busybox:1\": ErrImagePull: not found", waiting.Message);
        Assert.Equal("Back-off pulling image \"busybox:1\"", waiting.Event);
    }

    [Fact]
    public void One_failed_container_does_not_hold_up_the_others()
    {
        PodProgress failed = PodProgress.Start.Failed("a", new("ErrImagePull", "not found", A.T0.AddSeconds(10), "busybox:1"));

        Assert.Equal([new StartContainer("b", "s0", null, 0)], A.Plan(A.Intent("Always", "a", "b"), A.Sandbox(), 1, failed).Steps);
    }

    [Fact]
    public void The_earliest_wait_sets_the_next_look()
    {
        PodPlan plan = A.Plan(A.Intent("Always", "a", "b"), A.Sandbox(A.Exited("a", step: 3), A.Exited("b", step: 1)), 1);

        Assert.Equal(A.T0.AddSeconds(10), plan.WakeAt);
    }

    [Fact]
    public void A_completed_pod_gives_back_what_it_holds_and_then_rests()
    {
        PodObserved done = A.Sandbox(A.Exited(code: 0));
        PodObserved stopped = A.Sandbox(0, false, A.Exited(code: 0));
        PodProgress after = PodProgress.Start.SandboxStopped("s0");

        Assert.IsType<StopPod>(Assert.Single(A.Plan(A.Intent("Never"), done).Steps));
        Assert.Equal([new TearDown()], A.Plan(A.Intent("Never"), stopped, progress: after).Steps);
        Assert.Equal(PodPlan.Idle with { IsEnd = true }, A.Plan(A.Intent("Never"), stopped, progress: after with { TornDown = true }));
    }

    [Fact]
    public void A_removed_pod_ends_with_nothing_left()
    {
        PodIntent removed = A.Intent("Always", "a", "b").WithStop(new(StopCause.Removed));

        PodPlan stop = A.Plan(removed, A.Sandbox(A.Running("a"), A.Running("b")));
        PodPlan last = A.Plan(removed, A.Sandbox(0, false, A.Exited("a"), A.Exited("b")), progress: PodProgress.Start.SandboxStopped("s0"));

        Assert.Equal([TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30)], Assert.IsType<StopPod>(Assert.Single(stop.Steps)).Containers.Select(c => c.Grace));
        Assert.Equal([new TearDown(), new Forget()], last.Steps);
        Assert.True(last.IsLast);
    }

    [Fact]
    public void A_removed_pod_that_never_began_still_cleans_up()
    {
        PodPlan plan = A.Plan(A.Intent().WithStop(new(StopCause.Removed)), PodObserved.Nothing);

        Assert.True(plan.IsLast);
    }

    [Fact]
    public void A_pod_on_the_host_network_needs_no_address_but_a_sandbox_of_that_kind()
    {
        PodIntent desired = A.Intent();
        desired.Pod.Spec.HostNetwork = true;
        SandboxObserved host = A.Attempt(0, true) with { HostNetwork = true, Ips = [] };

        Assert.IsType<StartContainer>(Assert.Single(A.Plan(desired, PodObserved.Of([host])).Steps));
        Assert.IsType<StopPod>(Assert.Single(A.Plan(desired, A.Sandbox()).Steps));
    }

    [Fact]
    public void After_a_reboot_finished_containers_stay_finished_and_the_others_go_on_counting()
    {
        // What recovery makes of records that said running: dead sandbox, exit 255.
        ContainerObserved lost = A.Exited("web", code: 255, restarts: 3, step: 2) with { Reason = "Unknown" };
        PodProgress stopped = PodProgress.Start.SandboxStopped("s0");

        Assert.Equal([new TearDown()], A.Plan(A.Intent("Never"), A.Sandbox(0, false, lost), progress: stopped).Steps);
        Assert.Equal([new CreateSandbox(1)], A.Plan(A.Intent("OnFailure"), A.Sandbox(0, false, lost), progress: stopped).Steps);

        PodObserved again = PodObserved.Of([A.Attempt(0, false, lost), A.Attempt(1, true)]);
        Assert.Equal(A.T0.AddSeconds(20), A.Plan(A.Intent("OnFailure"), again, 1).WakeAt);
        Assert.Equal([new StartContainer("web", "s1", 4, 3)], A.Plan(A.Intent("OnFailure"), again, 20).Steps);
    }
}
