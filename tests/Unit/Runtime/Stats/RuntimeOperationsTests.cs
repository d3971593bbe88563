using NativeKubelet.Runtime.Stats;
using NativeKubelet.Tests.Unit.Core.Stats;

namespace NativeKubelet.Tests.Unit.Runtime.Stats;

public sealed class RuntimeOperationsTests
{
    [Fact]
    public void What_does_not_say_that_it_succeeded_has_failed()
    {
        RuntimeOperations operations = new();
        using (RuntimeOperations.Running running = operations.Begin("run_podsandbox")) running.Succeed();
        for (int i = 0; i < 2; i++) operations.Begin("run_podsandbox").Dispose();
        operations.Begin("exec").Succeed();

        Exposition page = HistogramTests.Read(operations.Write);

        const string sandbox = "operation_type=\"run_podsandbox\"", exec = "operation_type=\"exec\"";
        Assert.Equal((3, 2), (page.Value("kubelet_runtime_operations_total", sandbox), page.Value("kubelet_runtime_operations_errors_total", sandbox)));
        Assert.Equal(3, page.Value("kubelet_runtime_operations_duration_seconds_count", sandbox));
        Assert.Equal(1, page.Value("kubelet_runtime_operations_total", exec));
        Assert.False(page.Has("kubelet_runtime_operations_errors_total", exec));
        Assert.False(page.Has("kubelet_runtime_operations_duration_seconds_count", exec));     // under way still
    }
}
