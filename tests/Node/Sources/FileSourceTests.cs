using System.Diagnostics;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Node.Sources;

public sealed class FileSourceTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_file_renamed_into_place_is_seen_at_once_and_a_removed_one_too()
    {
        await using ManifestDirectory folder = new();
        await folder.UntilAsync();
        List<double> put = [], removed = [];

        for (int i = 0; i < 20; i++)
        {
            long start = Stopwatch.GetTimestamp();
            folder.Put("a.yaml", ManifestDirectory.Pod("a", $"i{i}"));
            await folder.UntilAsync($"a=i{i}");
            put.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            start = Stopwatch.GetTimestamp();
            if (i % 2 == 0) File.Delete(folder["a.yaml"]);
            else File.Move(folder["a.yaml"], Path.Combine(folder.Root, "aside"), overwrite: true);
            await folder.UntilAsync();
            removed.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        put.Sort();
        removed.Sort();
        output.WriteLine($"renamed into place → published: median {put[10]:0.0} ms, worst {put[^1]:0.0} ms; removed → published: median {removed[10]:0.0} ms, worst {removed[^1]:0.0} ms");
        // Far below the patience for open files (100 ms): neither may wait for it.
        double limit = TimeLimit.Of(0.05).TotalMilliseconds;
        Assert.True(put[10] < limit && removed[10] < limit, $"{put[10]} ms, {removed[10]} ms");
    }

    [Fact]
    public async Task A_file_written_in_place_is_read_when_its_writer_closes_it()
    {
        await using ManifestDirectory folder = new();
        await folder.UntilAsync();

        File.WriteAllText(folder["a.yaml"], ManifestDirectory.Pod("a", "one"));
        await folder.UntilAsync("a=one");
        File.WriteAllText(folder["a.yaml"], ManifestDirectory.Pod("a", "two"));
        await folder.UntilAsync("a=two");

        Assert.All(folder.Seen, set => Assert.Empty(set.Problems));
    }

    [Fact]
    public async Task A_file_left_half_written_keeps_its_pod_says_so_and_is_taken_when_it_is_whole()
    {
        await using ManifestDirectory folder = new();
        folder.Put("a.yaml", ManifestDirectory.Pod("a", "one"));
        await folder.UntilAsync("a=one");
        string text = ManifestDirectory.Pod("a", "two");

        using (FileStream file = new(folder["a.yaml"], FileMode.Truncate))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(text[..40]));
            file.Flush();
            PodSet half = await folder.UntilAsync(set => !set.Problems.IsEmpty, "a problem");
            Assert.Equal(["a=one"], ManifestDirectory.Names(half));
            Assert.True(half.Problems[0].StandIn);
            file.Write(System.Text.Encoding.UTF8.GetBytes(text[40..]));
        }
        PodSet whole = await folder.UntilAsync("a=two");

        Assert.Empty(whole.Problems);
    }

    [Fact]
    public async Task An_editor_that_moves_the_old_file_aside_never_makes_the_pod_go()
    {
        await using ManifestDirectory folder = new();
        folder.Put("a.yaml", ManifestDirectory.Pod("a", "one"));
        await folder.UntilAsync("a=one");

        // As vim saves with a backup: probe file, swap file, rename aside, new file, backup away.
        File.WriteAllText(folder[".a.yaml.swp"], "swap");
        File.Move(folder["a.yaml"], folder["a.yaml~"]);
        using (FileStream file = new(folder["a.yaml"], FileMode.CreateNew))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(ManifestDirectory.Pod("a", "two")));
            file.Flush(flushToDisk: true);
        }
        File.Delete(folder["a.yaml~"]);
        File.Delete(folder[".a.yaml.swp"]);
        await folder.UntilAsync("a=two");
        await folder.NothingMoreAsync("a=two");

        Assert.All(folder.Seen.SkipWhile(s => s.Pods.IsEmpty), set => Assert.NotEmpty(set.Pods));
    }

    [Fact]
    public async Task Sed_in_place_replaces_the_pod_in_one_step()
    {
        await using ManifestDirectory folder = new();
        folder.Put("a.yaml", ManifestDirectory.Pod("a", "one"));
        PodSet before = await folder.UntilAsync("a=one");

        using (Process sed = Process.Start("sed", ["-i", "s/image: one/image: two/", folder["a.yaml"]])) await sed.WaitForExitAsync();
        PodSet after = await folder.UntilAsync("a=two");
        await folder.NothingMoreAsync("a=two");

        Assert.NotEqual(before.Pods[0].Metadata.Uid, after.Pods[0].Metadata.Uid);
        Assert.All(folder.Seen.SkipWhile(s => s.Pods.IsEmpty), set => Assert.Empty(set.Problems));
        Assert.DoesNotContain(folder.Seen.SkipWhile(s => s.Pods.IsEmpty), set => set.Pods.IsEmpty);
    }

    [Fact]
    public async Task Saving_without_a_change_changes_nothing()
    {
        await using ManifestDirectory folder = new();
        folder.Put("a.yaml", ManifestDirectory.Pod("a", "one"));
        await folder.UntilAsync("a=one");
        int seen = folder.Seen.Count;

        File.WriteAllText(folder["a.yaml"], ManifestDirectory.Pod("a", "one"));
        File.SetLastWriteTimeUtc(folder["a.yaml"], DateTime.UnixEpoch);
        await folder.NothingMoreAsync("a=one");

        Assert.Equal(seen + 1, folder.Seen.Count);
    }

    [Fact]
    public async Task A_farm_of_links_is_swapped_as_one()
    {
        await using ManifestDirectory folder = new();
        foreach (string version in (string[])["one", "two"])
        {
            Directory.CreateDirectory(folder[$"..{version}"]);
            foreach (string name in (string[])["a", "b"]) File.WriteAllText(Path.Combine(folder[$"..{version}"], name + ".yaml"), ManifestDirectory.Pod(name, version));
        }
        File.CreateSymbolicLink(folder["..data"], "..one");
        foreach (string name in (string[])["a.yaml", "b.yaml"]) File.CreateSymbolicLink(folder[name], Path.Combine("..data", name));
        await folder.UntilAsync("a=one", "b=one");

        File.CreateSymbolicLink(folder["..data_tmp"], "..two");
        using (Process move = Process.Start("mv", ["-T", folder["..data_tmp"], folder["..data"]])) await move.WaitForExitAsync();
        PodSet swapped = await folder.UntilAsync(set => ManifestDirectory.Names(set).Any(n => n.EndsWith("=two", StringComparison.Ordinal)), "the second version");

        Assert.Equal(["a=two", "b=two"], ManifestDirectory.Names(swapped));
    }

    [Fact]
    public async Task A_path_that_is_not_there_yet_is_waited_for_level_by_level()
    {
        await using ManifestDirectory folder = new("etc/kubernetes/manifests", exists: false);
        await folder.UntilAsync();

        Directory.CreateDirectory(folder.Path);
        folder.Put("a.yaml", ManifestDirectory.Pod("a"));

        await folder.UntilAsync("a=busybox");
    }

    [Fact]
    public async Task A_directory_that_goes_takes_its_pods_and_another_in_its_place_brings_its_own()
    {
        await using ManifestDirectory folder = new();
        folder.Put("a.yaml", ManifestDirectory.Pod("a"));
        await folder.UntilAsync("a=busybox");

        Directory.Move(folder.Path, Path.Combine(folder.Root, "old"));
        await folder.UntilAsync();
        Directory.CreateDirectory(Path.Combine(folder.Root, "new"));
        File.WriteAllText(Path.Combine(folder.Root, "new", "b.yaml"), ManifestDirectory.Pod("b"));
        Directory.Move(Path.Combine(folder.Root, "new"), folder.Path);
        await folder.UntilAsync("b=busybox");
        folder.Put("c.yaml", ManifestDirectory.Pod("c"));

        await folder.UntilAsync("b=busybox", "c=busybox");
    }

    [Fact]
    public async Task A_single_file_is_followed_through_replacement_and_removal()
    {
        await using ManifestDirectory folder = new("pod.yaml", exists: false);
        await folder.UntilAsync();

        File.WriteAllText(folder.Path, ManifestDirectory.Pod("a", "one"));
        await folder.UntilAsync("a=one");
        File.WriteAllText(Path.Combine(folder.Root, "other.yaml"), ManifestDirectory.Pod("other"));
        File.WriteAllText(folder.Path, "{");
        PodSet broken = await folder.UntilAsync(set => !set.Problems.IsEmpty, "a problem");
        Assert.Equal(["a=one"], ManifestDirectory.Names(broken));
        File.Delete(folder.Path);

        await folder.UntilAsync();
    }

    [Fact]
    public async Task Two_hundred_files_at_once_are_all_found()
    {
        await using ManifestDirectory folder = new();
        await folder.UntilAsync();
        string[] names = [.. Enumerable.Range(0, 200).Select(i => $"p{i:000}")];

        foreach (string name in names) folder.Put(name, ManifestDirectory.Pod(name));
        await folder.UntilAsync([.. names.Select(n => $"{n}=busybox")]);
        foreach (string name in names) File.Delete(folder[name]);

        await folder.UntilAsync();
    }

    [Fact]
    public async Task What_inotify_does_not_tell_is_found_by_the_periodic_listing()
    {
        await using ManifestDirectory folder = new(period: TimeSpan.FromMilliseconds(200));
        string target = Path.Combine(folder.Root, "target.yaml");
        File.WriteAllText(target, ManifestDirectory.Pod("a", "one"));
        File.CreateSymbolicLink(folder["a.yaml"], target);
        await folder.UntilAsync("a=one");

        File.WriteAllText(target, ManifestDirectory.Pod("a", "two"));

        await folder.UntilAsync("a=two");
    }

    [Fact]
    public async Task A_fifo_and_a_file_without_permission_hold_nobody_up()
    {
        await using ManifestDirectory folder = new();
        await folder.UntilAsync();

        using (Process fifo = Process.Start("mkfifo", [folder["0-fifo"]])) await fifo.WaitForExitAsync();
        folder.Put("a.yaml", ManifestDirectory.Pod("a"));
        PodSet set = await folder.UntilAsync("a=busybox");
        if (set.Problems.IsEmpty) set = await folder.UntilAsync(s => !s.Problems.IsEmpty, "the fifo's problem");

        Assert.Contains("no regular file", set.Problems[0].Message, StringComparison.Ordinal);
    }
}
