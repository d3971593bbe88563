namespace NativeKubelet.Pods;

/// <summary>
/// A bell for one sleeper: ringing it twice before he looks is ringing it once. The sleeper calls <see cref="Reset"/> and
/// then looks at the world, so that whatever changed before the bell rang is seen and nothing is missed.
/// </summary>
internal sealed class WakeUp
{
    private TaskCompletionSource _bell = New();

    public Task Rung => Volatile.Read(ref _bell).Task;

    public void Ring() => Volatile.Read(ref _bell).TrySetResult();

    public void Reset()
    {
        if (_bell.Task.IsCompleted) Interlocked.Exchange(ref _bell, New());
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
