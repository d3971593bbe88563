using NativeKubelet.Core.Containers.SELinux;

namespace NativeKubelet.Tests.Unit.Core.Containers.SELinux;

public sealed class SELinuxContextTests
{
    [Theory]
    [InlineData("system_u:system_r:container_t:s0")]
    [InlineData("system_u:object_r:container_file_t:s0:c17,c1023")]
    [InlineData("unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023")]
    [InlineData("user_u:role_r:type_t")]
    public void A_context_is_written_as_it_was_read(string text) => Assert.Equal(text, SELinuxContext.TryParse(text)?.ToString());

    [Fact]
    public void Colons_of_the_level_are_the_levels() => Assert.Equal("s0:c1,c2", SELinuxContext.TryParse("u:r:t:s0:c1,c2")?.Level);

    [Theory]
    [InlineData("")]
    [InlineData("kernel")]
    [InlineData("init")]
    [InlineData("unconfined")]
    [InlineData("u:r")]
    [InlineData("u:r:")]
    [InlineData("u::t:s0")]
    [InlineData("u:r:t:")]
    [InlineData("u:r:t t:s0")]
    [InlineData("u:r:t:s0\n")]
    [InlineData("u:r:t:s0\",upperdir=\"/etc")]
    [InlineData("u:r:t\\:s0")]
    [InlineData("u:r,x:t:s0")]
    public void What_could_end_a_mount_option_or_is_one_word_is_none(string text) => Assert.Null(SELinuxContext.TryParse(text));

    [Fact]
    public void Whatever_is_read_is_none_or_comes_out_as_it_went_in()
    {
        const string letters = "ab0:,.-_\"\\ \n\0é";
        Random random = new(1);
        for (int i = 0; i < 10_000; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => letters[random.Next(letters.Length)]));
            if (SELinuxContext.TryParse(text) is { } context) Assert.Equal(text, context.ToString());
        }
    }
}
