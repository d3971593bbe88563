using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Probes;
using NativeKubelet.Pods;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Streams;

namespace NativeKubelet.Probes;

/// <summary>
/// Runs what a pod wants done after a container's start and before its stop (spec 31 §9). A hook has no time limit of its own;
/// the end of its container ends it. It does not outlive the agent as a hook: the next one neither waits for it nor repeats it.
/// </summary>
internal sealed class HookRunner(IContainerRuntime runtime, PodEvents events, TimeProvider time)
{
    /// <returns>Null when it did its work, else what to tell of its failure.</returns>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async Task<string?> RunAsync(V1LifecycleHandler hook, V1Pod pod, ProbeSubject subject, CancellationToken cancel)
    {
        string of = $"for Container \"{subject.Container.Name}\" in Pod \"{PodMessages.Format(pod)}\" failed - error:";
        using CancellationTokenSource life = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task<string?> running = RunAsync(hook, pod, subject, of, life.Token);
        if (await Task.WhenAny(running, runtime.EndOfAsync(subject.ContainerId)) != running) await life.CancelAsync();
        try
        {
            return await running;
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            // Whatever keeps a hook from its work, a stop does not wait for it.
            return $"lifecycle hook {of} {(e is OperationCanceledException ? "the container ended before it" : e.Message)}";
        }
    }

    private async Task<string?> RunAsync(V1LifecycleHandler hook, V1Pod pod, ProbeSubject subject, string of, CancellationToken cancel) => hook switch
    {
        { Exec: { } exec } => await ExecAsync(exec, subject, of, cancel),
        { HttpGet: { } get } => await HttpAsync(get, pod, subject, cancel) is { } fault ? $"HTTP lifecycle hook ({get.Path}) {of} {fault}" : null,
        { Sleep: { } sleep } => await SleepAsync(sleep.Seconds, cancel) is { } fault ? $"Sleep lifecycle hook ({sleep.Seconds}) {of} {fault}" : null,
        _ => "Cannot run handler: invalid handler",
    };

    private async Task<string?> ExecAsync(V1ExecAction exec, ProbeSubject subject, string of, CancellationToken cancel)
    {
        string[] command = [.. exec.Command ?? []];
        string head = $"Exec lifecycle hook ([{string.Join(' ', command)}]) {of}";
        try
        {
            CommandResult result = await ContainerCommand.RunAsync(
                runtime, subject.ContainerId, [.. command], ProbeOutcome.MostBytes, Timeout.InfiniteTimeSpan, time, cancel);
            return result.ExitCode == 0 ? null
                : $"{head} command '{string.Join(' ', command)}' exited with {result.ExitCode}: {result.Output.TrimEnd('\n')}, message: \"{result.Output}\"";
        }
        catch (RuntimeException e)
        {
            return $"{head} {e.Message}, message: \"\"";
        }
    }

    /// <summary>Any answer is fine; that there is one is what counts.</summary>
    private async Task<string?> HttpAsync(V1HTTPGetAction asked, V1Pod pod, ProbeSubject subject, CancellationToken cancel)
    {
        string url = "";
        try
        {
            HttpGet get = HttpGet.Of(asked, subject.Container, subject.PodIp, "kube-lifecycle");
            url = get.Url;
            try
            {
                await HttpExchange.FollowAsync(get, cancel);
            }
            catch (HttpExchangeException e) when (e.PlainHttp)
            {
                await HttpExchange.FollowAsync(get.OverPlainHttp(), cancel);
                events.Warning(pod, "LifecycleHTTPFallback", $"request to HTTPS lifecycle hook {get.Authority} got HTTP response, retry with HTTP succeeded", subject.Container.Name);
            }
            return null;
        }
        catch (HttpExchangeException e)
        {
            return $"Get \"{url}\": {e.Message}";
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }

    private async Task<string?> SleepAsync(long seconds, CancellationToken cancel)
    {
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(seconds), time, cancel);
            return null;
        }
        catch (OperationCanceledException)
        {
            return "container terminated before sleep hook finished";
        }
    }
}
