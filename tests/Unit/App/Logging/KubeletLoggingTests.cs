using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using NativeKubelet.Config;
using NativeKubelet.Logging;

namespace NativeKubelet.Tests.Unit.App.Logging;

public sealed partial class KubeletLoggingTests : IDisposable
{
    private static readonly string Pid = $"{Environment.ProcessId,7}";
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 24, 15, 4, 5, TimeSpan.Zero).AddTicks(1234567));
    private readonly MemoryStream _out = new(), _information = new();

    public void Dispose()
    {
        _out.Dispose();
        _information.Dispose();
    }

    [Fact]
    public void A_line_of_text_is_klogs_with_the_category_in_the_place_of_the_file()
    {
        Log(Text(), log => PodStarted(log, "default/web", 3, true));

        Assert.Equal($"I1124 15:04:05.123456 {Pid} KubeletLoggingTests] \"PodStarted\" pod=\"default/web\" tries=3 first=true\n", Written());
    }

    [Fact]
    public void What_has_no_name_before_it_stays_in_the_sentence_and_the_error_comes_first_of_the_fields()
    {
        Log(Text(), log => PodRefused(log, new IOException("disk full", new IOException("no space left")), "default/web", "it is \"bad\"", 12));

        Assert.Equal($"E1124 15:04:05.123456 {Pid} KubeletLoggingTests] \"PodRefused: it is \\\"bad\\\"; again in 12s\" err=\"disk full: no space left\" pod=\"default/web\"\n", Written());
    }

    [Fact]
    public void A_value_can_neither_forge_a_line_nor_move_the_cursor()
    {
        Log(Text(), log => PodStarted(log, "a\nE1124 00:00:00.000000 1 x] \"forged\"\u001b[2J\u202e", 1, false));
        Log(Text(), log => Said(log, LogLevel.Warning, "a\r\nb\u0007\ud800"));

        Assert.Equal(
            [
                $"I1124 15:04:05.123456 {Pid} KubeletLoggingTests] \"PodStarted\" pod=<", "\ta", "\tE1124 00:00:00.000000 1 x] \"forged\"\\x1b[2J\\u202e", " > tries=1 first=false",
                $"W1124 15:04:05.123456 {Pid} KubeletLoggingTests] \"a\\r\\nb\\x07\\ud800\"", "",
            ], Written().Split('\n'));
    }

    [Fact]
    public void A_line_of_JSON_has_the_fields_that_collectors_know()
    {
        Log(Text() with { Json = true }, log => PodStarted(log, "default/web", 3, true));
        Log(Text() with { Json = true }, log => PodRefused(log, new InvalidOperationException("x"), "default/web", "bad", 12));

        Assert.Equal(
            "{\"ts\":1795532645123.4567,\"caller\":\"KubeletLoggingTests\",\"msg\":\"PodStarted\",\"v\":0,\"pod\":\"default/web\",\"tries\":3,\"first\":true}\n"
            + "{\"ts\":1795532645123.4567,\"caller\":\"KubeletLoggingTests\",\"msg\":\"PodRefused: bad; again in 12s\",\"err\":\"InvalidOperationException: x\",\"severity\":\"error\",\"pod\":\"default/web\"}\n",
            Written());
    }

    [Fact]
    public void A_field_of_ours_is_not_hidden_by_one_of_a_message()
    {
        Log(Text() with { Json = true }, log => Clashed(log, "theirs", 9));

        Assert.EndsWith("\"msg\":\"x\",\"v\":0,\"msg_\":\"theirs\",\"v_\":9}\n", Written(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, false, false)]
    [InlineData(3, false, false)]
    [InlineData(4, true, false)]
    [InlineData(6, true, true)]
    [InlineData(int.MaxValue, true, true)]
    public void Verbosity_says_how_much(int verbosity, bool debug, bool trace)
    {
        using KubeletLogging logs = Create(Text() with { Verbosity = verbosity });
        ILogger log = logs.CreateLogger("A.B");

        Assert.True(log.IsEnabled(LogLevel.Information));
        Assert.Equal((debug, trace), (log.IsEnabled(LogLevel.Debug), log.IsEnabled(LogLevel.Trace)));
    }

    [Fact]
    public void Verbosity_changes_while_the_program_runs()
    {
        using KubeletLogging logs = Create(Text());
        ILogger log = logs.CreateLogger("A.B");

        logs.Verbosity.Current = 5;

        Assert.True(log.IsEnabled(LogLevel.Debug));
        logs.Verbosity.Current = 0;
        Assert.False(log.IsEnabled(LogLevel.Debug));
    }

    [Fact]
    public void A_module_has_a_verbosity_of_its_own()
    {
        using (KubeletLogging logs = Create(Text() with { Modules = [("pod*", 6), ("*", 0)], Verbosity = 4 }))
        {
            ILogger worker = logs.CreateLogger("NativeKubelet.Pods.PodWorker"), pleg = logs.CreateLogger("NativeKubelet.Pods.Pleg");
            Said(worker, LogLevel.Trace, "one");
            Said(pleg, LogLevel.Debug, "two");
            Said(pleg, LogLevel.Information, "three");
        }

        Assert.Equal(["PodWorker] \"one\"", "Pleg] \"three\"", ""], Written().Split('\n').Select(l => l[Math.Min(l.Length, 30)..]));
    }

    [Fact]
    public void Split_streams_send_all_but_errors_to_stdout()
    {
        Log(Text() with { SplitStream = true }, log =>
        {
            Said(log, LogLevel.Warning, "one");
            Said(log, LogLevel.Error, "two");
        });

        Assert.Contains("\"two\"", Written(), StringComparison.Ordinal);
        Assert.DoesNotContain("\"one\"", Written(), StringComparison.Ordinal);
        Assert.Contains("\"one\"", Encoding.UTF8.GetString(_information.ToArray()), StringComparison.Ordinal);
    }

    private static LogSettings Text() => new(Json: false, 0, [], SplitStream: false, TimeSpan.FromSeconds(5));

    private KubeletLogging Create(LogSettings settings) => KubeletLogging.Create(settings, _time, l => _out.Write(l), l => _information.Write(l));

    private void Log(LogSettings settings, Action<ILogger> act)
    {
        using KubeletLogging logs = Create(settings);
        act(logs.CreateLogger(typeof(KubeletLoggingTests).FullName!));
    }

    private string Written() => Encoding.UTF8.GetString(_out.ToArray());

    [LoggerMessage(LogLevel.Information, "PodStarted pod={Pod} tries={Tries} first={First}")]
    private static partial void PodStarted(ILogger log, string pod, int tries, bool first);

    [LoggerMessage(LogLevel.Error, "PodRefused pod={Pod}: {Cause}; again in {Seconds}s")]
    private static partial void PodRefused(ILogger log, Exception e, string pod, string cause, int seconds);

    [LoggerMessage("{Text}")]
    private static partial void Said(ILogger log, LogLevel level, string text);

    [LoggerMessage(LogLevel.Information, "x msg={Msg} v={V}")]
    private static partial void Clashed(ILogger log, string msg, int v);
}
